"""Two network namespaces, as two machines that see nothing but each other over an impaired line.

It needs Linux, root and /dev/net/tun; `missing()` says which of them is not there.
"""

import contextlib
import ctypes
import fcntl
import itertools
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

TUN = Path("/dev/net/tun")
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
DEVICE = "line"
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def missing() -> str:
    """Why there can be no namespaces here; empty where there can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "network namespaces need root"
    if not TUN.exists():
        return f"{TUN} is missing"
    if absent := [tool for tool in ("ip", "nsenter") if shutil.which(tool) is None]:
        return f"{' and '.join(absent)} missing (Debian packages iproute2, util-linux)"
    tried = subprocess.run(("unshare", "--net", "true"), capture_output=True, text=True, check=False)
    return f"no network namespace can be made: {tried.stderr.strip()}" if tried.returncode else ""


class Namespace:
    """One of the two machines, with its addresses on the line; an empty one is a family that it does not have."""

    def __init__(self, name: str, ipv4: str, ipv6: str) -> None:
        self.name = name
        self.ipv4 = ipv4
        self.ipv6 = ipv6

    @property
    def within(self) -> tuple[str, ...]:
        """Put before a command, it runs in here."""
        return ("nsenter", f"--net=/run/netns/{self.name}", "--")

    def run(self, *command: str) -> str:
        """What a command in here prints; AssertionError with its words when it fails."""
        done = subprocess.run((*self.within, *command), capture_output=True, text=True, check=False)
        assert not done.returncode, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def program(self, program: str, folder: Path) -> str:
        """A script that is the program in here, for callers that can start nothing but one file."""
        script = folder / f"{Path(program).name}-in-{self.name}"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.within)} "{program}" "$@"\n')
        script.chmod(0o755)
        return str(script)

    def until_listening(self, port: int, within_s: float) -> None:
        """Waits until something in here takes TCP connections at the port; AssertionError when nothing does."""
        deadline = time.monotonic() + within_s
        while not self.run("ss", "-Hltn", f"sport = :{port}").strip():
            assert time.monotonic() < deadline, f"nothing listens on {port} within {within_s} s"
            time.sleep(0.05)

    def address(self) -> None:
        """Gives the device of the line its addresses; IPv6 without waiting for duplicates."""
        for one in filter(None, (self.ipv4 and f"{self.ipv4}/24", self.ipv6 and f"{self.ipv6}/64")):
            self.run("ip", "addr", "add", one, "dev", DEVICE, *(("nodad",) if ":" in one else ()))
        self.run("ip", "link", "set", DEVICE, "up")


def open_tun(namespace: str) -> int:
    """A TUN device in a namespace, for a process that may stay there: it has moved into it afterwards."""
    with open(f"/run/netns/{namespace}", "rb") as place:
        if _libc.setns(place.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    tun = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return tun


@contextmanager
def two_namespaces(*, ipv4: bool = True, ipv6: bool = True) -> Generator[tuple[Namespace, Namespace]]:
    """`home` and `away`, not connected yet; gone after the block, with what still ran in them ended."""
    made: list[Namespace] = []
    number = f"{os.getpid()}-{next(_numbers)}"
    try:
        for index, role in enumerate(("home", "away"), 1):
            addresses = (f"10.77.0.{index}" if ipv4 else "", f"fd77::{index}" if ipv6 else "")
            one = Namespace(f"parlour-{role}-{number}", *addresses)
            _ip("netns", "add", one.name)
            made.append(one)
            one.run("ip", "link", "set", "lo", "up")
        home, away = made
        yield home, away
    finally:
        for one in made:
            _end_processes(one)
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", one.name)


def _end_processes(namespace: Namespace) -> None:
    for pid in subprocess.run(
        ("ip", "netns", "pids", namespace.name), capture_output=True, text=True, check=False
    ).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), 9)


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True)
