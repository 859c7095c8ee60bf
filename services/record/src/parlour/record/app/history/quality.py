"""Answers about the quality of a call: its samples, with those who sent and received the media."""

from collections.abc import Awaitable, Collection
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from parlour.contracts import quality as q
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.kernel.sealing import People
from parlour.record.domain.projections.spans import Names

from .calls import CallQueries, page_size
from .samples import SKEW_US, SampleRow

FOR_EVER = 2**62


class SampleFilter(msgspec.Struct, frozen=True):
    """Which samples of a call: within these times, after (`at`, number), of a stream, of these sessions (None: of all)."""

    from_at: int
    to_at: int
    after: tuple[int, int]
    stream_id: str = ""
    session_ids: tuple[str, ...] | None = None


class NumberedSample(NamedTuple):
    """A sample with its number, which orders those of one time."""

    n: int
    row: SampleRow


class SampleStore(Protocol):
    """The kept samples."""

    def series(self, room_uid: UUID, wanted: SampleFilter, limit: int) -> Awaitable[list[NumberedSample]]:
        """In the order of time."""
        ...


class SessionReader(Protocol):
    """The calls' sessions."""

    def actors(self, room_uid: UUID, session_ids: Collection[str]) -> Awaitable[dict[str, str]]:
        """Who was behind these sessions of a call."""
        ...

    def sessions_of(self, room_uid: UUID, actor: str) -> Awaitable[tuple[str, ...]]:
        """A person's sessions in a call."""
        ...


class QualityQueries:
    """`room` empty asks about the whole app."""

    def __init__(self, calls: CallQueries, samples: SampleStore, sessions: SessionReader, people: People) -> None:
        self._calls = calls
        self._samples = samples
        self._sessions = sessions
        self._people = people

    async def series(self, app: int, room: str, query: q.QualityQuery) -> q.QualitySeries:
        """A page of a call's samples."""
        limit = page_size(query.limit, q.SERIES_MOST)
        after = _place(query.cursor)
        call = await self._calls.find(app, room, query.room_uid)
        wanted = SampleFilter(
            call.started_at - SKEW_US, (call.ended_at or FOR_EVER) + SKEW_US, after, query.stream_id,
            await self._sessions_of(app, call.room_uid, query.user),
        )  # fmt: skip
        found = await self._samples.series(call.room_uid, wanted, limit + 1)
        page = found[:limit]
        actors = await self._sessions.actors(call.room_uid, {row.session_id for _, row in page})
        names = await self._calls.names(actors.values(), ())
        points = tuple(point_of(row, actors.get(row.session_id, ""), names) for _, row in page)
        return q.QualitySeries(points, f"{page[-1].row.at}.{page[-1].n}" if len(found) > limit else "")

    async def _sessions_of(self, app: int, room_uid: UUID, user: str) -> tuple[str, ...] | None:
        if not user:
            return None
        actor = await self._people.known(app, user)
        return await self._sessions.sessions_of(room_uid, actor) if actor else ()


def point_of(row: SampleRow, actor: str, names: Names) -> q.QualityPoint:
    """A sample as askers get it."""
    return q.QualityPoint(
        at=row.at,
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
        jitter_ms=_ms(row.jitter_us),
        rtt_ms=_ms(row.rtt_us),
        nacks=row.nacks,
        keyframe_requests=row.plis,
        keyframes=row.keyframes,
    )


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def _place(cursor: str) -> tuple[int, int]:
    if not cursor:
        return 0, 0
    at, _, n = cursor.partition(".")
    if not (at.isdecimal() and n.isdecimal() and len(at) < 18 and len(n) < 18):
        raise invalid(Code.PARAMETER, "cursor", "this is no cursor of such a list", hint="pass back what `next` was")
    return int(at), int(n)
