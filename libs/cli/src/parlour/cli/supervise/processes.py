"""Which process is which: a pid alone is reused, a pid with its start time is not."""

import contextlib
import os
import select
import signal
from pathlib import Path

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """A process of this boot. `started` is the kernel's start time in clock ticks."""

    name: str
    pid: int
    started: int


def start_time(pid: int) -> int:
    """Clock ticks since boot at which it started; 0 when there is no such process (or it is a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def identify(name: str, pid: int) -> Identity:
    """The process that has this pid now."""
    return Identity(name, pid, start_time(pid))


def alive(process: Identity) -> bool:
    """Whether that very process still runs."""
    return process.started != 0 and start_time(process.pid) == process.started


def reap(process: Identity, asked_with: int = signal.SIGTERM, grace_s: float = 5.0) -> bool:
    """End a process that is not our child, politely first; False when it was gone already."""
    if not alive(process):
        return False
    with contextlib.suppress(ProcessLookupError):
        end = os.pidfd_open(process.pid)
        try:
            if alive(process):
                os.kill(process.pid, asked_with)
            if not select.select([end], [], [], grace_s)[0]:
                os.kill(process.pid, signal.SIGKILL)
                select.select([end], [], [], grace_s)
        finally:
            os.close(end)
    return True


def holder_of_port(port: int) -> str:
    """Who listens on a TCP port, as `name (pid N)`; empty when that can't be seen."""
    sockets = set[str]()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                field = line.split()
                if field[3] == "0A" and int(field[1].rpartition(":")[2], 16) == port:
                    sockets.add(f"socket:[{field[9]}]")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and sockets:
            with contextlib.suppress(OSError):
                if any(os.readlink(fd) in sockets for fd in (entry / "fd").iterdir()):
                    return f"{(entry / 'comm').read_text().strip()} (pid {entry.name})"
    return ""
