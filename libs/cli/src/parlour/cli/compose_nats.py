"""`python -m parlour.cli.compose_nats`: the NATS server's configuration for docker-compose.yml, from the same grants as the embedded one.

Passwords stand in the server's environment. They begin with a letter: the server reads a variable's value as a value of its own language.
"""

import sys

from .embedded import grants
from .embedded.nats import LIVELINESS, MAX_PAYLOAD_BYTES, users_block

NOT_HERE = frozenset({"test"})


def variable(user: str) -> str:
    """Where a user's password stands."""
    return f"PARLOUR_NATS_PASSWORD_{user.upper()}"


def settings() -> str:
    """The whole file."""
    users = {user: (f"${variable(user)}", grant) for user, grant in grants().items() if user not in NOT_HERE}
    return f"""# Written by `make docs` from parlour.cli.embedded.permissions; changes here are lost.
# Each service has a user of its own; passwords come from the environment.
listen: "0.0.0.0:4222"
max_payload: {MAX_PAYLOAD_BYTES}
{LIVELINESS}
jetstream {{ store_dir: /data, max_file_store: 1GB, max_memory_store: 64MB }}
authorization {{
  timeout: 5
  users: [
{users_block(users)}
  ]
}}
"""


if __name__ == "__main__":
    sys.stdout.write(settings())
