"""The impaired line as a process of its own: `python -m parlour.testkit.network.impairer HOME AWAY SEED`.

It holds a TUN device in each of the two namespaces and carries packets between them. Standard input takes one JSON object a line,
`{"to_away": {...}, "to_home": {...}}`, and each is answered by a line with the counts so far; its end ends the process.
"""

import contextlib
import os
import select
import sys
import time

import msgspec

from .line import Impairment, Line
from .namespaces import open_tun

PACKET_BYTES = 65_536
IN_ONE_GO = 64
"""Packets read from one side before the other has its turn."""


class Both(msgspec.Struct, frozen=True):
    """An impairment for each direction."""

    to_away: Impairment = Impairment()
    to_home: Impairment = Impairment()


class Counts(msgspec.Struct, frozen=True):
    """What became of the packets of each direction."""

    to_away: dict[str, int]
    to_home: dict[str, int]


def main() -> None:
    """Carry packets until standard input ends."""
    home_name, away_name, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
    to_away, to_home = Line(Impairment(), seed), Line(Impairment(), seed + 1)
    home, away = open_tun(home_name), open_tun(away_name)
    lines = {home: (to_away, away), away: (to_home, home)}
    _say(to_away, to_home)
    waiting = select.poll()
    for number in (0, home, away):
        waiting.register(number, select.POLLIN)
    while True:
        ready = [number for number, _ in waiting.poll(_timeout_ms(to_away, to_home))]
        if 0 in ready:
            if not (told := sys.stdin.readline()):
                return
            both = msgspec.json.decode(told, type=Both)
            to_away.impairment, to_home.impairment = both.to_away, both.to_home
            _say(to_away, to_home)
        for number in (home, away):
            line, other = lines[number]
            if number in ready:
                _take_in(number, line)
            _let_out(line, other)


def _timeout_ms(*lines: Line) -> float | None:
    due = [moment for line in lines if (moment := line.poll_timeout()) is not None]
    return max(0.0, (min(due) - time.monotonic()) * 1000) if due else None


def _take_in(device: int, line: Line) -> None:
    for _ in range(IN_ONE_GO):
        try:
            packet = os.read(device, PACKET_BYTES)
        except OSError:  # nothing more now, or the device is not up yet
            return
        line.handle_packet(packet, time.monotonic())


def _let_out(line: Line, device: int) -> None:
    now = time.monotonic()
    while (packet := line.poll_packet(now)) is not None:
        with contextlib.suppress(OSError):  # a device that is down or full loses it, as a wire would
            os.write(device, packet)


def _say(to_away: Line, to_home: Line) -> None:
    counts = Counts(dict(to_away.counted), dict(to_home.counted))
    sys.stdout.write(msgspec.json.encode(counts).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
