"""Started and stalled media, from events and counters."""

from typing import Any, cast

from test_negotiation import APP, Node, publish

from parlour.contracts.relay import MediaStalled, MediaStarted, NodeUp, RelayFact
from parlour.relay.app.fact_book import FactBook
from parlour.relay.app.heartbeat import Heartbeat
from parlour.relay.app.limits import Limits
from parlour.relay.app.lives import Lives
from parlour.relay.app.relay import Relay
from parlour.relay.app.watch import Watch
from parlour.relay.domain.session import Slot, StreamKey


class Counters:
    """Stands for the core: only its counters are asked for here."""

    def __init__(self) -> None:
        self.silent: dict[int, float | None] = {}
        self.cpu_ns = 0

    def stats(self) -> dict[str, Any]:
        tracks = {number: {"last_media_ms_ago": silent} for number, silent in self.silent.items()}
        return {"tracks": tracks, "transports": {}, "sinks": {}, "node": {"thread_cpu_ns": [self.cpu_ns]}}

    def local_candidates(self) -> list[tuple[str, int]]:
        return [("192.0.2.1", 5000), ("fd00::1", 5000)]


class Told:
    """Facts in order."""

    def __init__(self) -> None:
        self.facts: list[RelayFact] = []

    def tell(self, fact: RelayFact) -> None:
        self.facts.append(fact)


class Bench:
    def __init__(self) -> None:
        self.node, self.core, self.told = Node(), Counters(), Told()
        self.book = FactBook("n", "boot", self.told)
        self.watch = Watch(
            self.node.table, cast(Any, self.core), cast(Lives, None), self.book, Limits(stalled_after_s=5)
        )
        self.node.offer("pub", "chromium-publish", [publish("s")])
        track = self.node.table.track(Slot(StreamKey(APP, "s"), "video"))
        assert track is not None
        self.video = track.number

    async def handle(self, *events: tuple[Any, ...]) -> None:
        for event in events:
            await self.watch.handle(event)

    def sample(self, silent_ms: float | None) -> list[str]:
        """Kinds of the facts that one reading tells."""
        before = len(self.told.facts)
        self.core.silent[self.video] = silent_ms
        self.watch.sample()
        return [type(fact).__name__ for fact in self.told.facts[before:]]


async def test_media_starts_once_stalls_once_and_starts_again() -> None:
    bench = Bench()
    assert bench.sample(None) == []
    await bench.handle(("media_started", 1, bench.video))
    await bench.handle(("media_started", 1, bench.video))
    assert bench.sample(20) == []
    assert bench.sample(5000) == ["MediaStalled"]
    assert bench.sample(9000) == []
    assert bench.sample(10) == ["MediaStarted"]
    stalled = bench.told.facts[1]
    assert isinstance(stalled, MediaStalled)
    assert (stalled.app, stalled.stream_id, stalled.kind, stalled.silent_ms) == (APP, "s", "video", 5000)
    assert [fact.number for fact in bench.told.facts] == [1, 2, 3]


async def test_a_goodbye_is_a_stall_of_no_time() -> None:
    bench = Bench()
    await bench.handle(("media_started", 1, bench.video), ("bye", 1, bench.video), ("bye", 1, bench.video))
    started, stalled = bench.told.facts
    assert isinstance(started, MediaStarted)
    assert isinstance(stalled, MediaStalled)
    assert stalled.silent_ms == 0


async def test_unknown_events_and_ids_are_ignored() -> None:
    bench = Bench()
    await bench.handle(("media_started", 1, 999), ("news", 1), ("srtp_ready", 1), ("overflow", 3))
    assert bench.told.facts == []
    assert bench.watch.overflowed == 3


def test_the_heartbeat_weighs_the_packet_threads_and_takes_no_number() -> None:
    bench = Bench()
    now = [10.0]
    relay = Relay(bench.node.table, cast(Any, bench.core), *cast(Any, (None,) * 5), limits=Limits())
    heartbeat = Heartbeat(bench.node.table, cast(Any, bench.core), relay, bench.book, lambda: now[0])
    bench.core.cpu_ns, now[0] = 500_000_000, 12.0
    heartbeat.beat()
    up = bench.told.facts[-1]
    assert isinstance(up, NodeUp)
    assert up.load.cpu == 0.25
    assert (up.load.tracks, up.number) == (2, 0)
    assert up.addresses == ("192.0.2.1:5000", "[fd00::1]:5000")
