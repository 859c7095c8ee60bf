"""Started and stalled media, from events and counters."""

from typing import Any, cast

import pytest
import structlog
from test_negotiation import APP, Node, fixture, play, publish

from parlour.contracts.relay import FlightLog, FlightRun, MediaStalled, MediaStarted, NodeUp, RelayFact
from parlour.relay.app import media_monitor
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.flight_logs import FlightLogReader
from parlour.relay.app.heartbeat import NodeHeartbeat
from parlour.relay.app.limits import RelayLimits
from parlour.relay.app.media_monitor import MediaMonitor
from parlour.relay.app.relay import Relay
from parlour.relay.app.transport_lifecycle import TransportLifecycle
from parlour.relay.domain.negotiation import check_offer
from parlour.relay.domain.session import Slot, StreamKey, Transport


class Counters:
    """Stands for the core: only its counters are asked for here."""

    def __init__(self) -> None:
        self.silent: dict[int, float | None] = {}
        self.cpu_ns = 0
        self.sinks: dict[int, dict[str, int]] = {}
        self.flown: dict[int, list[tuple[Any, ...]]] = {}

    def stats(self) -> dict[str, Any]:
        tracks = {number: {"last_media_ms_ago": silent} for number, silent in self.silent.items()}
        return {"tracks": tracks, "transports": {}, "sinks": self.sinks, "node": {"thread_cpu_ns": [self.cpu_ns]}}

    def flight(self, transport: int) -> list[tuple[Any, ...]]:
        return self.flown[transport]

    def local_candidates(self) -> list[tuple[str, int]]:
        return [("192.0.2.1", 5000), ("fd00::1", 5000)]


class Told:
    """Facts in order."""

    def __init__(self) -> None:
        self.facts: list[RelayFact] = []

    def send(self, fact: RelayFact) -> None:
        self.facts.append(fact)


class Logs:
    """Flight logs in order."""

    def __init__(self) -> None:
        self.kept: list[FlightLog] = []

    def put(self, found: FlightLog) -> None:
        self.kept.append(found)


class Bench:
    def __init__(self) -> None:
        self.node, self.core, self.told, self.logs, self.at = Node(), Counters(), Told(), Logs(), 1000.0
        self.book = FactPublisher("n", "boot", self.told.send)
        self.monitor = MediaMonitor(
            self.node.table, cast(Any, self.core), cast(TransportLifecycle, None), self.book, RelayLimits(stalled_after_s=5),
            FlightLogReader("n", self.node.table, cast(Any, self.core), self.logs, lambda: self.at),
        )  # fmt: skip
        self.node.offer("pub", "chromium-publish", [publish("s")])
        track = self.node.table.track(Slot(StreamKey(APP, "s"), "video"))
        assert track is not None
        self.video = track.number

    async def handle(self, *events: tuple[Any, ...]) -> None:
        for event in events:
            await self.monitor.handle_event(event)

    def sample(self, silent_ms: float | None) -> list[str]:
        """Kinds of the facts that one reading tells."""
        before = len(self.told.facts)
        self.core.silent[self.video] = silent_ms
        self.monitor.sample()
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
    assert bench.monitor.overflowed == 3


async def test_lost_events_are_logged_once_in_a_while_whatever_a_peer_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(media_monitor, "log", log)
    bench = Bench()
    for _ in range(60):
        for _ in range(50):
            await bench.handle(("overflow", 10))
        bench.sample(None)
    assert [(call.method_name, call.args) for call in log.calls] == [("warning", ("core_events_dropped",))] * 2
    assert bench.monitor.overflowed == 30_000


def test_the_heartbeat_weighs_the_packet_threads_and_takes_no_number() -> None:
    bench = Bench()
    now = [10.0]
    none = cast(Any, None)
    relay = Relay(bench.node.table, cast(Any, bench.core), none, none, none, none, none, RelayLimits())
    heartbeat = NodeHeartbeat(bench.node.table, cast(Any, bench.core), relay, bench.book, lambda: now[0])
    bench.core.cpu_ns, now[0] = 500_000_000, 12.0
    heartbeat.publish()
    up = bench.told.facts[-1]
    assert isinstance(up, NodeUp)
    assert up.load.cpu == 0.25
    assert (up.load.tracks, up.number) == (2, 0)
    assert up.addresses == ("192.0.2.1:5000", "[fd00::1]:5000")


def enter(bench: Bench, transport_id: str, number: int, fixture_name: str) -> None:
    remote = check_offer(fixture(fixture_name)).transport
    bench.node.table.put_transport(
        Transport(transport_id, number, APP, f"session of {transport_id}", remote, "u", "p", 1)
    )


def test_a_stalled_stream_leaves_its_publishers_last_seconds_behind() -> None:
    bench, number = Bench(), 900
    enter(bench, "pub", number, "chromium-publish")
    bench.core.flown[number] = [
        (5200, 90, "received", bench.video, 65_530, 3, 10, 9000),
        (5100, 0, "refused", 0, 4, 4, 1, 90),
    ]
    bench.sample(0)
    bench.sample(6000)
    (log,) = bench.logs.kept
    assert (log.reason, log.transport_id, log.owner) == ("stalled", "pub", "session of pub")
    assert log.runs == (
        FlightRun(994_800_000, 90, "received", "s", "video", 65_530, 3, 10, 9000),
        FlightRun(994_900_000, 0, "refused", "", "", 4, 4, 1, 90),
    )


def test_repairs_that_are_gone_are_a_freeze_once_in_ten_seconds() -> None:
    bench = Bench()
    bench.node.offer("play", "chromium-play", play=[play("s")])
    enter(bench, "play", 901, "chromium-play")
    sink = next(each for each in bench.node.table.sinks_on("play") if each.slot.kind == "video")
    bench.core.flown[901] = []
    for misses, kept in ((0, 0), (9, 0), (19, 1), (40, 1)):
        bench.core.sinks[sink.number] = {"nack_misses": misses}
        bench.sample(0)
        assert len(bench.logs.kept) == kept, misses
    assert bench.logs.kept[0].transport_id == "play"
    bench.at += 11
    bench.core.sinks[sink.number] = {"nack_misses": 60}
    bench.sample(0)
    assert len(bench.logs.kept) == 2
