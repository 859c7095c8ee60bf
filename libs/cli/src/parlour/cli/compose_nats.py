"""`python -m parlour.cli.compose_nats [readers | cluster]`: the NATS server's configuration for Compose or Kubernetes, from the same
grants as the embedded one.

Passwords are in the server's environment, or for `cluster` in the file passwords.conf beside it, which a mounted secret gives. They begin
with a letter: the server reads a variable's value as a value of its own language. `readers`: the one that lets readers outside in, which
names a key that only a running image can tell.
"""

import sys

from .embedded.nats import LIVELINESS, MAX_PAYLOAD_BYTES, callout, system_account, users_block
from .embedded.permissions import SYSTEM, grants

NOT_HERE = frozenset({"test"})
ISSUER = "PARLOUR_NATS_ISSUER"


def variable(user: str) -> str:
    """The environment variable that holds a user's password."""
    return f"PARLOUR_NATS_PASSWORD_{user.upper()}"


def settings(*, readers: bool = False, cluster: bool = False) -> str:
    """Returns the text of the configuration file."""
    source = (
        'passwords come from the mounted secret.\ninclude "passwords.conf"'
        if cluster
        else "passwords come from the environment."
    )
    users = {user: (f"${variable(user)}", grant) for user, grant in grants().items() if user not in NOT_HERE}
    callout_block = callout(f"${ISSUER}", (*users, SYSTEM)) + "\n" if readers else ""
    accounts = system_account(f"${variable(SYSTEM)}") + "\n" if readers else ""
    return f"""# Written by `make docs` from parlour.cli.embedded.permissions; changes here are lost.
# Each service has a user of its own; {source}
listen: "0.0.0.0:4222"
max_payload: {MAX_PAYLOAD_BYTES}
{LIVELINESS}
jetstream {{ store_dir: /data, max_file_store: 1GB, max_memory_store: 64MB }}
authorization {{
  timeout: 5
  users: [
{users_block(users)}
  ]
{callout_block}}}
{accounts}"""


if __name__ == "__main__":
    sys.stdout.write(settings(readers="readers" in sys.argv[1:], cluster="cluster" in sys.argv[1:]))
