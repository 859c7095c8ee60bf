"""Sends datagrams on a socket that it inherits, at a rate that a test's own process would not keep up beside its call.

`datagram_flood.py DESCRIPTOR HOST PORT FILE RATE SECONDS`: says `ready`, waits for a line, sends the file's datagrams again and again,
and says how many it sent.
"""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path


class Flood:
    """One run of the program, ready to begin."""

    def __init__(
        self,
        sender: socket.socket,
        to: tuple[str, int],
        datagrams: Iterable[bytes],
        file: Path,
        rate: int,
        seconds: float,
    ) -> None:
        file.write_bytes(b"".join(len(each).to_bytes(2) + each for each in datagrams))
        arguments = [str(each) for each in (sender.fileno(), *to, file, rate, seconds)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, __file__, *arguments], pass_fds=[sender.fileno()], stdin=pipe, stdout=pipe, text=True
        )
        assert self._says() == "ready"

    def begin(self) -> None:
        """Lets it send."""
        assert self._process.stdin
        self._process.stdin.close()

    def sent(self) -> int:
        """Waits for its end: how many datagrams it sent."""
        count = int(self._says())
        self._process.wait()
        return count

    def stop(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def _says(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


def read(file: Path) -> list[bytes]:
    """The datagrams of a file."""
    data, found, at = file.read_bytes(), list[bytes](), 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 2])
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def send(sender: socket.socket, datagrams: list[bytes], rate: int, seconds: float) -> int:
    """Sends so many a second for so long; the count."""
    sent, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        for _ in range(int(passed * rate) - sent):
            with contextlib.suppress(OSError):
                sender.send(datagrams[sent % len(datagrams)])
            sent += 1
        time.sleep(0.0005)  # the rate is kept by the clock, this only spares the core
    return sent


def main() -> None:
    """The program."""
    descriptor, host, port, file, rate, seconds = sys.argv[1:]
    sender = socket.socket(fileno=int(descriptor))
    sender.setblocking(True)
    sender.connect((host, int(port)))
    datagrams = read(Path(file))
    print("ready", flush=True)
    sys.stdin.read()
    print(send(sender, datagrams, int(rate), float(seconds)), flush=True)


if __name__ == "__main__":
    main()
