"""The impairer between two namespaces, measured from outside with real datagrams."""

import json
import subprocess
import sys
from statistics import mean

import pytest

from parlour.testkit.network.between import Between, between
from parlour.testkit.network.line import Impairment

COUNT = 1000
ECHO = """
import socket, sys
echo = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
echo.bind((sys.argv[1], 7000))
print("ready", flush=True)
while True:
    datagram, sender = echo.recvfrom(2048)
    echo.sendto(datagram, sender)
"""
ASK = """
import json, select, socket, sys, time
to, count = sys.argv[1], int(sys.argv[2])
asker = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
asker.connect((to, 7000))
sent, back = {}, []
began = time.monotonic()
while len(sent) < count or time.monotonic() < last + 0.5:
    now = time.monotonic()
    if len(sent) < count and now >= began + len(sent) / 500:
        sent[len(sent)] = last = now
        asker.send(b"%08d" % (len(sent) - 1) + bytes(1000))
    wait = began + len(sent) / 500 - now if len(sent) < count else 0.05
    if select.select([asker], [], [], max(0, wait))[0]:
        number = int(asker.recv(2048)[:8])
        back.append((number, (time.monotonic() - sent[number]) * 1000))
print(json.dumps(back))
"""


def asked(path: Between, to: str, count: int = COUNT) -> list[tuple[int, float]]:
    """(number, round trip in ms) of each answer to `count` datagrams from away to home."""
    echo = subprocess.Popen((*path.home.within, sys.executable, "-c", ECHO, to), stdout=subprocess.PIPE)
    try:
        assert echo.stdout is not None
        assert echo.stdout.readline() == b"ready\n"
        answers = json.loads(path.away.run(sys.executable, "-c", ASK, to, str(count)))
        return [(number, trip) for number, trip in answers]
    finally:
        echo.kill()
        echo.wait()
        assert echo.stdout is not None
        echo.stdout.close()


def test_a_clean_line_carries_everything() -> None:
    with between(seed=1) as path:
        for address in (path.home.ipv4, path.home.ipv6):
            answers = asked(path, address, 200)
            assert [number for number, _ in answers] == list(range(200))
            assert mean(trip for _, trip in answers) < 20


def test_loss_and_delay_are_what_was_asked_for() -> None:
    with between(seed=2) as path:
        path.impair(Impairment(loss=0.05, delay_ms=40, jitter_ms=10))
        answers = asked(path, path.home.ipv4)
        assert len(answers) == pytest.approx(COUNT * 0.95 * 0.95, rel=0.04)
        trips = sorted(trip for _, trip in answers)
        assert trips[0] >= 60
        assert trips[len(trips) // 2] == pytest.approx(80, abs=12)


def test_the_seed_chooses_the_lost() -> None:
    def lost(seed: int) -> set[int]:
        with between(seed=seed, ipv6=False) as path:
            path.impair(Impairment(loss=0.1, delay_ms=5), to_home=Impairment())
            return set(range(300)) - {number for number, _ in asked(path, path.home.ipv4, 300)}

    first = lost(3)
    assert first
    assert lost(3) == first
    assert lost(4) != first


def test_duplicates_and_reordering() -> None:
    with between(seed=5) as path:
        path.impair(Impairment(delay_ms=20, reorder=0.05, duplicate=0.05), to_home=Impairment())
        numbers = [number for number, _ in asked(path, path.home.ipv4, 500)]
        assert set(numbers) == set(range(500))
        assert len(numbers) > 505
        assert numbers != sorted(numbers)
        counts = path.counts().to_away
        assert counts["duplicated"] >= len(numbers) - 500
        assert counts["reordered"] > 5


def test_nothing_is_left() -> None:
    with between(seed=6) as path:
        names = {path.home.name, path.away.name}
    left = subprocess.run(("ip", "netns", "list"), capture_output=True, text=True, check=True).stdout
    assert not any(name in left for name in names)
