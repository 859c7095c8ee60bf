"""Two machines with an impaired line between them, for tests."""

import select
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from .impairer import Both, Counts
from .line import Impairment
from .namespaces import Namespace, two_namespaces

ANSWER_WITHIN_S = 10.0


class Between:
    """The two ends and the line. The line is clean until `impair` is called."""

    def __init__(self, home: Namespace, away: Namespace, process: "subprocess.Popen[bytes]") -> None:
        self.home = home
        self.away = away
        self._process = process
        self._both = Both()

    def impair(self, each_way: Impairment, *, to_home: Impairment | None = None) -> Counts:
        """From now on packets fare like this: both ways, or with `to_home` differently on the way there. Gives the counts so far."""
        self._both = Both(each_way, to_home or each_way)
        return self.counts()

    def counts(self) -> Counts:
        """What became of the packets so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(self._both) + b"\n")
        self._process.stdin.flush()
        return heard(self._process)


def heard(process: "subprocess.Popen[bytes]") -> Counts:
    """The impairer's next line; AssertionError when it says nothing."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], ANSWER_WITHIN_S)
    line = process.stdout.readline() if ready else b""
    assert line, f"the impairer says nothing (exit code {process.poll()})"
    return msgspec.json.decode(line, type=Counts)


@contextmanager
def between(*, seed: int, ipv4: bool = True, ipv6: bool = True) -> Generator[Between]:
    """`home` and `away` inside the block, connected; `seed` decides the fate of every packet."""
    with two_namespaces(ipv4=ipv4, ipv6=ipv6) as (home, away):
        process = subprocess.Popen(
            (sys.executable, "-m", "parlour.testkit.network.impairer", home.name, away.name, str(seed)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        try:
            heard(process)  # the devices are there
            home.address()
            away.address()
            yield Between(home, away, process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(ANSWER_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
