"""Quality samples of relays: their intake, and the series of a call with the people who sent and received the media.

Samples are stored at most once: one that can't be stored now is dropped and counted, and its series has a gap.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from parlour.contracts import quality as q
from parlour.contracts.history import BUCKET_US
from parlour.kernel.decider import Clock
from parlour.kernel.log import LogUnavailable
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app.paging import page_size, parse_number
from parlour.record.domain.projections.rows import Names
from parlour.runtime.telemetry.logging import logger

from .calls import CallQueries

CLOCK_SKEW_US = 3_600_000_000
"""A sample further than this from our clock is refused: its node's clock is wrong, and so would be its place in the series."""
LONGEST_SAMPLE_MS = 600_000
"""A sample that covers more is refused: its node stood still, and the counts are not those of ten seconds."""
KINDS = ("audio", "video")
"""What a sample is of; the table takes no other word."""
_END_OF_TIME = 2**62

log = logger(__name__)


class SampleRow(msgspec.Struct, frozen=True):
    """A sample as stored; the fields are the table's columns in their order. `started_at` unix microseconds."""

    room_uid: UUID
    started_at: int
    took_ms: int
    stream_id: str
    session_id: str
    publishes: bool
    kind: str
    node: str
    packets: int
    bytes: int
    expected: int | None
    lost: int | None
    jitter_us: int | None
    rtt_us: int | None
    nacks: int
    plis: int
    keyframes: int


class NumberedSample(NamedTuple):
    """A sample with its number, which orders samples of the same time."""

    n: int
    row: SampleRow


class SampleFilter(msgspec.Struct, frozen=True):
    """Selects samples between two times, behind `after` (time, number), of one stream if given, of these sessions (None: all)."""

    from_at: int
    to_at: int
    after: tuple[int, int]
    stream_id: str = ""
    session_ids: tuple[str, ...] | None = None


class SampleStore(Protocol):
    """Stores samples. Methods raise `LogUnavailable` while the database is away."""

    def add(self, rows: list[SampleRow]) -> Awaitable[None]:
        """Stores all rows or none."""
        ...

    def series(self, room_uid: UUID, wanted: SampleFilter, limit: int) -> Awaitable[list[NumberedSample]]:
        """Returns at most `limit` samples of a call, by time and number."""
        ...


class SessionReader(Protocol):
    """Reads the sessions of calls."""

    def actors(self, room_uid: UUID, session_ids: Collection[str]) -> Awaitable[dict[str, str]]:
        """Returns the actor of each of these sessions of a call."""
        ...

    def sessions_of(self, room_uid: UUID, actor: str) -> Awaitable[tuple[str, ...]]:
        """Returns the ids of a person's sessions in a call."""
        ...


class SampleIntake:
    """Stores the batches that relays publish; calls `count` with (outcome, samples), the outcome being kept, refused or lost."""

    def __init__(self, store: SampleStore, count: Callable[[str, int], None], clock: Clock) -> None:
        self._store = store
        self._count = count
        self._clock = clock

    async def take(self, batch: q.QualityBatch) -> None:
        """Stores the samples of one node's batch that can be true; never raises for a database that is away."""
        now_us = self._clock.at()
        rows = [row for sample in batch.samples if (row := row_of(batch.node, sample, now_us)) is not None]
        self._count("refused", len(batch.samples) - len(rows))
        if not rows:
            return
        try:
            await self._store.add(rows)
        except LogUnavailable as error:
            log.warning("samples_lost", node=batch.node, samples=len(rows), error=str(error))
            self._count("lost", len(rows))
            return
        self._count("kept", len(rows))


class QualityQueries:
    """Answers questions about samples; an empty `room` asks about the whole app."""

    def __init__(self, calls: CallQueries, samples: SampleStore, sessions: SessionReader, people: UserKeyStore) -> None:
        self._calls = calls
        self._samples = samples
        self._sessions = sessions
        self._people = people

    async def series(self, app: int, room: str, query: q.QualityQuery) -> q.QualitySeries:
        """Returns a page of a call's samples. `Rejection` as `CallQueries.find`."""
        limit = page_size(query.limit, q.SERIES_MOST)
        after = _parse_cursor(query.cursor)
        call = await self._calls.find(app, room, query.room_uid)
        wanted = SampleFilter(
            call.started_at - CLOCK_SKEW_US, (call.ended_at or _END_OF_TIME) + CLOCK_SKEW_US, after, query.stream_id,
            await self._sessions_of(app, call.room_uid, query.user),
        )  # fmt: skip
        found = await self._samples.series(call.room_uid, wanted, limit + 1)
        page = found[:limit]
        actors = await self._sessions.actors(call.room_uid, {row.session_id for _, row in page})
        names = await self._calls.load_names(actors.values(), ())
        points = tuple(point_of(row, actors.get(row.session_id, ""), names) for _, row in page)
        return q.QualitySeries(points, f"{page[-1].row.started_at}.{page[-1].n}" if len(found) > limit else "")

    async def _sessions_of(self, app: int, room_uid: UUID, user: str) -> tuple[str, ...] | None:
        if not user:
            return None
        actor = await self._people.known(app, user)
        return await self._sessions.sessions_of(room_uid, actor) if actor else ()


def row_of(node: str, sample: q.QualitySample, now_us: int) -> SampleRow | None:
    """Returns the row of a relay's sample; None for one that can't be true."""
    try:
        room_uid = UUID(sample.room_uid)
    except ValueError:
        return None
    is_at_bucket = sample.at % BUCKET_US == 0 and abs(sample.at - now_us) <= CLOCK_SKEW_US
    if not is_at_bucket or not 0 < sample.took_ms <= LONGEST_SAMPLE_MS:
        return None
    counts = (sample.packets, sample.bytes, sample.expected, sample.lost, sample.jitter_us, sample.rtt_us,
              sample.nacks, sample.plis, sample.keyframes)  # fmt: skip
    if sample.kind not in KINDS or any(count is not None and not 0 <= count < 2**63 for count in counts):
        return None
    session_id = sample.owner.partition("/")[0]
    return SampleRow(
        room_uid, sample.at, sample.took_ms, sample.stream_id, session_id, sample.publishes, sample.kind, node, *counts
    )


def point_of(row: SampleRow, actor: str, names: Names) -> q.QualityPoint:
    """Returns a sample as askers get it, with its session's user if that is known."""
    return q.QualityPoint(
        at=row.started_at,
        took_ms=row.took_ms,
        stream_id=row.stream_id,
        kind=row.kind,
        side="publisher" if row.publishes else "player",
        session_id=row.session_id,
        actor=actor,
        user_id=names.user_id(actor),
        node=row.node,
        packets=row.packets,
        bitrate_bps=row.bytes * 8000 // row.took_ms,
        loss=round(row.lost / row.expected, 4) if row.expected and row.lost is not None else None,
        jitter_ms=_milliseconds(row.jitter_us),
        rtt_ms=_milliseconds(row.rtt_us),
        nacks=row.nacks,
        keyframe_requests=row.plis,
        keyframes=row.keyframes,
    )


def _milliseconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def _parse_cursor(cursor: str) -> tuple[int, int]:
    at, _, n = (cursor or "0.0").partition(".")
    return parse_number(at), parse_number(n)
