"""The state folder: who holds it, its secrets, and what the supervisor writes about itself.

format         the layout's number
lock           locked by the supervisor for as long as it runs
secrets.json   passwords and keys, made once, readable to the owner alone
run.json       what runs: written by the supervisor, read by `status`
children.json  pids with start times, so that the next supervisor can reap what a killed one left
metrics-targets.json  where Prometheus finds the services' metrics
logs/ nats/ postgres/
record/        what each process of the record remembers of the tree that was signed last
traces/        spans of joins, one file for each process, bounded
flight/        what relays decided about the packets of transports that froze
"""

import contextlib
import fcntl
import os
import re
import secrets
from pathlib import Path
from typing import TypeVar

import msgspec

from ..embedded.account import Account, state_folder, unprivileged
from ..embedded.permissions import USERS
from ..failures import FolderLocked, Unusable
from .checkout import ROOT, SERVICES
from .processes import Identity

FORMAT = "1"
STATE_VARIABLE = "PARLOUR_STATE"
T = TypeVar("T")
_PASSWORD = re.compile(r"(//[^:/@]*:)[^@]*@")
"""What stands between a user's name and the host of a URL."""


class Secrets(msgspec.Struct, frozen=True):
    """Drawn once for a state folder. Keys are hexadecimal."""

    master_key: str
    app_secret: str
    postgres_admin: str
    postgres_roles: dict[str, str]
    nats: dict[str, str]


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process of the suite. `state` is starting, ready, unready (it runs and does not answer), waiting (to be started again) or
    stopped.
    """

    name: str
    pid: int
    state: str
    restarts: int
    log: str
    metrics: str = ""
    """Where a service's Prometheus metrics are read."""


class SuiteStatus(msgspec.Struct, frozen=True):
    """What `status --json` shows. `state` is starting, ready, failed or stopped.

    The addresses of NATS and Postgres carry a password: this file and its folder are the owner's alone.
    """

    state: str
    step: str
    state_folder: str
    supervisor: Identity
    url: str = ""
    urls: tuple[str, ...] = ()
    """Of all gateways; `url` is the first."""
    fingerprint: str = ""
    """SHA-256 of the certificate, where it is self-signed: what people compare before they accept it."""
    app_id: int = 0
    app_secret: str = ""
    user: str = ""
    token: str = ""
    services: list[ProcessStatus] = []
    servers: list[ProcessStatus] = []
    nats: str = ""
    postgres: str = ""
    took_s: float = 0.0
    failure: str = ""

    def without_secrets(self) -> "SuiteStatus":
        """The same with secrets and passwords left out, for whoever looks over a shoulder or copies it into a report."""
        nats, postgres = (_PASSWORD.sub(r"\1***@", address) for address in (self.nats, self.postgres))
        return msgspec.structs.replace(self, app_secret="", token="", nats=nats, postgres=postgres)


def draw() -> Secrets:
    """Fresh secrets for a new folder."""
    return Secrets(
        master_key=secrets.token_hex(32),
        app_secret=secrets.token_hex(16),
        postgres_admin=secrets.token_hex(24),
        postgres_roles={service: secrets.token_hex(24) for service in SERVICES},
        nats={user: secrets.token_hex(24) for user in USERS},
    )


class StateFolder:
    """One folder, whether anything runs in it or not."""

    def __init__(self, path: Path, account: Account | None) -> None:
        self.path = path
        self.account = account
        self.logs = path / "logs"
        self._lock: int | None = None

    @classmethod
    def here(cls) -> "StateFolder":
        """The one that the environment names, else `.parlour` in the checkout; see `state_folder` for where it lies."""
        account = unprivileged()
        wanted = Path(os.environ.get(STATE_VARIABLE) or ROOT / ".parlour").expanduser()
        return cls(state_folder(wanted, account), account)

    def prepare(self) -> None:
        """Make the folder and check its layout. Unusable says what to do."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # As root, Postgres's account passes through here to its own folder; all else in here is closed to it.
            self.path.chmod(0o711 if self.account else 0o700)
            for kept in (self.logs, self.path / "traces", self.path / "flight"):
                kept.mkdir(exist_ok=True, mode=0o700)
            layout = self.path / "format"
            if not layout.exists():
                layout.write_text(FORMAT)
        except OSError as problem:
            raise Unusable(
                f"the state folder {self.path} cannot be written: {problem.strerror}. "
                f"Mend that, or name another one in {STATE_VARIABLE}."
            ) from problem
        if layout.read_text() != FORMAT:
            raise Unusable(
                f"the state folder {self.path} has layout {layout.read_text()!r}, this release knows {FORMAT!r}. "
                f"Run the release that made it, or move the folder away to start with an empty one."
            )

    def lock(self) -> None:
        """Locks the folder until this process ends. FolderLocked where another supervisor has it."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise FolderLocked(
                f"another supervisor has the state folder {self.path}: `parlour status` shows it, `parlour down` ends it"
            ) from None
        self._lock = handle

    def is_locked(self) -> bool:
        """Whether a running supervisor has the folder."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def secrets(self) -> Secrets:
        """The folder's secrets, drawn at the first call."""
        found = self._read("secrets.json", Secrets)
        if found is None:
            found = draw()
            self._write("secrets.json", found)
        return found

    def run(self) -> SuiteStatus | None:
        """What the last supervisor said; None where none ever did, or one of another release."""
        with contextlib.suppress(Unusable):
            return self._read("run.json", SuiteStatus)
        return None

    def write_run(self, run: SuiteStatus) -> None:
        """Writes `run.json`, which `status` reads."""
        self._write("run.json", run)

    def write_targets(self, targets: object) -> None:
        """Writes `metrics-targets.json` for Prometheus."""
        self._write("metrics-targets.json", targets)

    def children(self) -> list[Identity]:
        """The processes that the last supervisor had."""
        with contextlib.suppress(Unusable):
            return self._read("children.json", list[Identity]) or []
        return []

    def write_children(self, children: list[Identity]) -> None:
        """Remember them for the next supervisor."""
        self._write("children.json", children)

    def stamp(self, name: str, wanted: str) -> bool:
        """Whether something was already done from these very inputs."""
        path = self.path / f"{name}.stamp"
        return path.exists() and path.read_text() == wanted

    def write_stamp(self, name: str, done: str) -> None:
        """Remember that it is done."""
        (self.path / f"{name}.stamp").write_text(done)

    def _read(self, name: str, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode((self.path / name).read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as problem:
            raise Unusable(
                f"{self.path / name} is damaged ({problem}). Restore it from a copy, or move {self.path} away."
            ) from problem

    def _write(self, name: str, value: object) -> None:
        """All or nothing, also when the disk is full."""
        part = self.path / f"{name}.part"
        part.touch(mode=0o600)
        part.write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
        part.rename(self.path / name)
