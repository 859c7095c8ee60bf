"""How a child process is started so that it never outlives whoever started it."""

import ctypes
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import msgspec

from .account import Account

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Launch(msgspec.Struct, frozen=True):
    """One process: what to run, as whom, and which signals end it."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL
    """What the kernel sends when the starter dies without a word."""
    cwd: Path | None = None


def die_with_parent(sent: int) -> Callable[[], None]:
    """For `preexec_fn`: the child gets `sent` when the thread that forked it is gone. Start children in a main thread."""
    parent = os.getpid()

    def arrange() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, sent, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


class Who(TypedDict, total=False):
    """`Popen`'s arguments that change the user before exec; without them it stays."""

    user: int
    group: int
    extra_groups: list[int]


def identity(account: Account | None) -> Who:
    """The arguments for an account."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def free_port(wanted: int = 0, host: str = "127.0.0.1") -> int:
    """`wanted` if nobody listens there, else one that the kernel picks."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            probe.bind((host, 0))
        return int(probe.getsockname()[1])
