"""Makes quality samples: compares the media once a second, and sends what each one's counters measured every ten seconds.

Nothing is added to the path of a packet: all of it is read from the core's counters. A medium that ends within its ten seconds is sampled
with what it had a second before; one that lasted for less than that is not sampled at all.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from parlour.contracts.history import BUCKET_US
from parlour.contracts.quality import SAMPLES_MOST, QualityBatch, QualitySample
from parlour.relay.app.ports import MonotonicClock
from parlour.relay.domain.quality import Counts, began_anew, measure, sink_counts, track_counts
from parlour.relay.domain.session import SessionTable, Sink, Track

Stats = Mapping[str, Any]


class Medium(msgspec.Struct, frozen=True):
    """One track or sink under way. `number` is the core's; `since` is monotonic, `at` unix microseconds, both of its first counts."""

    part: Track | Sink
    owner: str
    since: float
    at: int
    first: Counts

    @property
    def number(self) -> int:
        """The core's id of the track or sink."""
        return self.part.number


@dataclass(eq=False)
class QualitySampler:
    """`take` is called once a second with the core's fresh statistics. `clock` is unix time in seconds, `now` monotonic seconds."""

    _node: str
    _table: SessionTable
    _send_batch: Callable[[QualityBatch], None]
    _clock: Callable[[], float]
    _now: MonotonicClock
    _media: dict[int, Medium] = field(init=False, default_factory=dict)
    _last: Stats = field(init=False, default_factory=lambda: {"tracks": {}, "sinks": {}})
    _bucket: int = field(init=False, default=0)
    _ended: list[QualitySample] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._taken_at = self._now()

    def take(self, stats: Stats) -> None:
        """Takes in one reading of the core's statistics."""
        now, at = self._now(), round(self._clock() * 1e6)
        live = {part.number: part for part in self._parts() if part.room_uid and _counters_of(part, stats) is not None}
        for medium in [medium for medium in self._media.values() if self._is_over(medium, live, stats)]:
            self._ended.extend(self._sample(medium, self._last, self._taken_at))
            del self._media[medium.number]
        if at // BUCKET_US != self._bucket:
            self._send(stats, now)
            self._bucket = at // BUCKET_US
            self._media.clear()
        for number, part in live.items():
            if number not in self._media:
                self._media[number] = Medium(part, self._owner(part), now, at, _counts(part, stats))
        self._last, self._taken_at = stats, now

    def finish(self) -> None:
        """The node stops: sends what was measured until the last reading."""
        self._send(self._last, self._taken_at)
        self._media.clear()

    def _parts(self) -> Iterator[Track | Sink]:
        yield from self._table.all_tracks()
        yield from self._table.all_sinks()

    def _owner(self, part: Track | Sink) -> str:
        return self._table.transports[part.transport_id].owner

    def _is_over(self, medium: Medium, live: Mapping[int, Track | Sink], stats: Stats) -> bool:
        if medium.number not in live:
            return True
        before, now = _counters_of(medium.part, self._last), _counters_of(medium.part, stats)
        return before is None or now is None or now["packets"] < before["packets"]

    def _send(self, stats: Stats, now: float) -> None:
        """Sends the samples of all media, and of those that ended since the last time."""
        samples = self._ended
        self._ended = []
        for medium in self._media.values():
            samples.extend(self._sample(medium, stats, now))
        for first in range(0, len(samples), SAMPLES_MOST):
            self._send_batch(QualityBatch(self._node, tuple(samples[first : first + SAMPLES_MOST])))

    @staticmethod
    def _sample(medium: Medium, stats: Stats, now: float) -> Iterator[QualitySample]:
        """One sample, or none where no time has passed or its counters do not belong together."""
        took_ms = round((now - medium.since) * 1000)
        if took_ms <= 0 or _counters_of(medium.part, stats) is None:
            return
        last = _counts(medium.part, stats)
        if began_anew(medium.first, last):
            return
        part, counts = medium.part, measure(medium.first, last)
        yield QualitySample(
            part.room_uid, part.slot.stream.stream_id, medium.owner, isinstance(part, Track), part.slot.kind,
            medium.at // BUCKET_US * BUCKET_US, took_ms, *msgspec.structs.astuple(counts),
        )  # fmt: skip


def _counters_of(part: Track | Sink, stats: Stats) -> Mapping[str, Any] | None:
    """The core's counters of a medium; a sink that waits for its publisher has none."""
    return stats["tracks" if isinstance(part, Track) else "sinks"].get(part.number)


def _counts(part: Track | Sink, stats: Stats) -> Counts:
    if isinstance(part, Track):
        return track_counts(stats["tracks"][part.number], part.payload.codec.clock_rate)
    return sink_counts(stats["sinks"][part.number], part.payloads[0].codec.clock_rate)
