"""As whom Postgres runs, and where that account can reach its files.

Postgres refuses to run as root. As root it runs as an unprivileged account, which must be able to pass through every
folder above its binaries and its state; a checkout below root's home is out of its reach, so both then live in
`/var/lib/parlour/<id>`.
"""

import hashlib
import os
import pwd
import stat
from pathlib import Path

import msgspec

SYSTEM_STATE = Path("/var/lib/parlour")
ACCOUNT_VARIABLE = "PARLOUR_POSTGRES_USER"


class Account(msgspec.Struct, frozen=True):
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def unprivileged() -> Account | None:
    """The account that Postgres gets; None where we are not root, so that it runs as ourselves.

    KeyError when the variable names a user that this machine does not have.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(os.environ.get(ACCOUNT_VARIABLE, "nobody"))
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _may(mode: int, owner: int, account: Account, bit: int) -> bool:
    return bool(mode & (bit << 6 if owner == account.uid else bit))


def readable(path: Path, account: Account | None) -> bool:
    """Whether the account can pass through every folder above `path` (those that exist), and read it where it does."""
    if account is None:
        return True
    path = Path(os.path.abspath(path)).resolve()
    for folder in path.parents:
        if folder.exists():
            found = folder.stat()
            if not _may(found.st_mode, found.st_uid, account, stat.S_IXOTH):
                return False
    if not path.exists():
        return True
    found = path.stat()
    return _may(found.st_mode, found.st_uid, account, stat.S_IROTH)


def state_folder(wanted: Path, account: Account | None) -> Path:
    """`wanted`, or the system's place for it when Postgres's account cannot get there. Always the same answer."""
    wanted = Path(os.path.abspath(wanted))
    if readable(wanted.parent / "state-goes-here", account):
        return wanted
    return SYSTEM_STATE / hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
