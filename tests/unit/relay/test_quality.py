"""Quality samples: what is measured between two readings, and when it is told. Numbers are the rules of `domain.quality`."""

from typing import Any, cast

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from test_negotiation import APP, Node, fixture

from parlour.contracts.commands import MediaSections
from parlour.contracts.quality import SAMPLES_MOST, QualityBatch, QualitySample
from parlour.contracts.relay import PlayMedia, PublishMedia
from parlour.relay.app.quality_sampler import QualitySampler
from parlour.relay.domain.negotiation import check_offer
from parlour.relay.domain.quality import Counts, began_anew, measure, sink_counts, track_counts
from parlour.relay.domain.session import SessionTable, Sink, Slot, StreamKey, Track, Transport

LIFE = "0190aaaa-0000-7000-8000-000000000000"
TRACK = {
    "packets": 0, "bytes": 0, "lost": 0, "expected": 0, "missed": 0, "jitter": 0, "keyframes": 0, "nacks": 0, "plis": 0,
}  # fmt: skip
SINK = {"packets": 0, "bytes": 0, "nack_hits": 0, "nack_misses": 0, "reported": None, "rtt_us": None, "plis": 0}


def test_a_publishers_medium_is_measured_by_its_sequence_numbers() -> None:
    before = track_counts(TRACK | {"packets": 90, "bytes": 9000, "expected": 100, "missed": 20, "keyframes": 1}, 90_000)
    after = TRACK | {"packets": 195, "bytes": 30_000, "expected": 200, "missed": 30, "jitter": 450, "keyframes": 3}
    found = measure(before, track_counts(after | {"nacks": 12, "plis": 2}, 90_000))
    assert found == Counts(105, 21_000, 100, 10, 5000, None, 12, 2, 2)


def test_a_players_medium_is_measured_by_its_reports() -> None:
    before = sink_counts(SINK | {"packets": 10, "reported": (65_000, 3, 48)}, 48_000)
    after = SINK | {"packets": 60, "bytes": 6000, "reported": (65_050, 8, 96), "rtt_us": 40_000, "nack_hits": 4}
    found = measure(before, sink_counts(after | {"nack_misses": 1, "plis": 1}, 48_000))
    assert found == Counts(50, 6000, 50, 5, 2000, 40_000, 5, 1, 0)


def test_2_losses_are_unknown_where_nothing_was_reported_or_counting_began_anew() -> None:
    unreported, first = sink_counts(SINK, 48_000), sink_counts(SINK | {"reported": (100, 0, 0)}, 48_000)
    for before, now in ((unreported, first), (first, first), (first, sink_counts(SINK | {"reported": (7, 0, 0)}, 1))):
        assert (measure(before, now).expected, measure(before, now).lost) == (None, None)


def test_2_packets_that_came_late_are_no_negative_loss() -> None:
    before, now = (sink_counts(SINK | {"reported": reported}, 48_000) for reported in ((100, 9, 0), (200, 4, 0)))
    assert (measure(before, now).expected, measure(before, now).lost) == (100, 0)


counts = st.builds(
    Counts,
    packets=st.integers(0, 9), bytes=st.integers(0, 9), expected=st.none() | st.integers(0, 9),
    lost=st.none() | st.integers(-9, 9), jitter_us=st.none() | st.integers(0, 9), rtt_us=st.none() | st.integers(0, 9),
    nacks=st.integers(0, 9), plis=st.just(0), keyframes=st.just(0),
)  # fmt: skip


@given(counts, counts)
def test_1_whatever_is_counted_no_measure_is_impossible(before: Counts, now: Counts) -> None:
    found = measure(before, now)
    assert (found.expected is None) == (found.lost is None)
    assert found.expected is None or 0 <= (found.lost or 0) <= found.expected
    if not began_anew(before, now):
        assert min(found.packets, found.bytes, found.nacks) >= 0


class Bench:
    """A node with one publisher and one player, whose time and counters the test holds."""

    def __init__(self) -> None:
        self.node = Node()
        self.now = 1_000_003.0
        self.stats: dict[str, dict[int, Any]] = {"tracks": {}, "sinks": {}}
        self.told: list[QualityBatch] = []
        self.quality = QualitySampler("n", self.node.table, self.send, lambda: self.now, lambda: self.now)
        self.enter("pub", "chromium-publish", "ann")
        self.node.offer("pub", "chromium-publish", [PublishMedia("s", MediaSections("0", "1"), room_uid=LIFE)])
        self.enter("play", "chromium-play", "bob/w1")
        self.node.offer("play", "chromium-play", play=[PlayMedia("s", MediaSections("", "1"), room_uid=LIFE)])
        self.video = cast(Track, self.node.table.track(Slot(StreamKey(APP, "s"), "video"))).number
        (sink,) = self.node.table.all_sinks()
        self.sink = sink.number
        self.stats["tracks"] = {track.number: dict(TRACK) for track in self.node.table.all_tracks()}
        self.stats["sinks"] = {self.sink: dict(SINK)}

    def send(self, batch: QualityBatch) -> None:
        self.told.append(batch)

    def enter(self, transport_id: str, name: str, owner: str) -> None:
        remote = check_offer(fixture(name)).transport
        number = len(self.node.table.transports) + 1
        self.node.table.put_transport(Transport(transport_id, number, APP, owner, remote, "u", "p", 1))

    def look(self, seconds: float = 1.0) -> None:
        """The time goes on, then the counters are read."""
        self.now += seconds
        copied = {part: {number: dict(each) for number, each in of.items()} for part, of in self.stats.items()}
        self.quality.take(copied)

    def samples(self) -> list[QualitySample]:
        found = [sample for batch in self.told for sample in batch.samples]
        self.told.clear()
        return found


def test_each_medium_is_told_once_in_ten_seconds_with_its_own_span() -> None:
    bench = Bench()
    bench.look()
    bench.stats["tracks"][bench.video] |= {"packets": 60, "bytes": 7500, "expected": 60}
    bench.stats["sinks"][bench.sink] |= {"packets": 59, "bytes": 7400}
    for _ in range(5):
        bench.look()
    assert bench.samples() == []
    bench.look()
    audio, video, player = sorted(bench.samples(), key=lambda sample: (not sample.publishes, sample.kind))
    assert (video.room_uid, video.stream_id, video.owner, video.kind) == (LIFE, "s", "ann", "video")
    assert (video.at, video.took_ms, video.packets, video.bytes) == (1_000_000_000_000, 6000, 60, 7500)
    assert (player.owner, player.publishes, player.packets) == ("bob/w1", False, 59)
    assert (audio.packets, audio.expected) == (0, None)
    for _ in range(10):
        bench.look()
    assert [(sample.at, sample.took_ms, sample.packets) for sample in bench.samples()] == [
        (1_000_010_000_000, 10_000, 0)
    ] * 3


def test_a_medium_that_ends_is_told_with_what_was_seen_of_it() -> None:
    bench = Bench()
    bench.look()
    bench.stats["sinks"][bench.sink] |= {"packets": 30, "bytes": 3000}
    bench.look()
    (sink,) = bench.node.table.all_sinks()
    bench.node.table.drop_sink(sink)
    del bench.stats["sinks"][bench.sink]
    for _ in range(5):
        bench.look()
    (player,) = [sample for sample in bench.samples() if not sample.publishes]
    assert (player.packets, player.took_ms) == (30, 1000)


def test_counters_that_begin_anew_are_measured_from_there() -> None:
    bench = Bench()
    bench.stats["sinks"][bench.sink] |= {"packets": 50, "bytes": 5000}
    bench.look()
    bench.stats["sinks"][bench.sink] |= {"packets": 10, "bytes": 1000}
    bench.look()
    bench.stats["sinks"][bench.sink] |= {"packets": 90, "bytes": 9000}
    bench.look(5)
    (player,) = [sample for sample in bench.samples() if not sample.publishes]
    assert (player.packets, player.took_ms) == (80, 5000)


def test_what_has_no_room_or_is_not_in_the_core_is_not_told() -> None:
    bench = Bench()
    bench.node.offer("pub", "chromium-publish", [PublishMedia("t", MediaSections("0", "1"))])
    del bench.stats["sinks"][bench.sink]
    bench.stats["tracks"] = {track.number: dict(TRACK) for track in bench.node.table.all_tracks()}
    for _ in range(20):
        bench.look()
    assert bench.samples() == []


def test_a_node_that_stops_tells_what_it_has() -> None:
    bench = Bench()
    bench.look()
    bench.look()
    bench.quality.finish()
    assert [sample.took_ms for sample in bench.samples()] == [1000] * 3
    bench.quality.finish()
    assert bench.samples() == []


def test_batches_stay_below_the_megabyte_of_nats() -> None:
    bench = Bench()
    (sink,) = bench.node.table.all_sinks()
    slot = Slot(StreamKey(APP, "s" * 256), "video")
    many = [msgspec.structs.replace(sink, number=1000 + n, mid=f"m{n}", slot=slot) for n in range(SAMPLES_MOST)]
    fill(bench.node.table, many)
    bench.stats["sinks"] |= {each.number: SINK | {"reported": (2**32 - 1, 2**23, 2**32 - 1)} for each in many}
    bench.look()
    bench.look(7)
    assert [len(batch.samples) for batch in bench.told] == [SAMPLES_MOST, 3]
    assert max(len(msgspec.json.encode(batch)) for batch in bench.told) < 400_000


def fill(table: SessionTable, sinks: list[Sink]) -> None:
    for sink in sinks:
        table.put_sink(sink)
