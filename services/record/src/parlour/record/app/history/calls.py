"""Answers about calls, read from the projections that answer now and opened for the asker at that moment.

The asker's room limits what is seen: a call of another room is answered as one that never was. People are opened here and not before, so
that whoever is erased shows erased in every answer from then on.
"""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec

from parlour.contracts import history as h
from parlour.contracts.codes import Code, Problem
from parlour.contracts.events import UserJoined
from parlour.contracts.ids import invalid
from parlour.contracts.sealed_text import owner_of
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.record.app.archive_index import ArchiveIndex
from parlour.record.domain.projections.rows import CallRow, ParticipantRow, PlayRow, SessionRow
from parlour.record.domain.projections.spans import (
    Names,
    call_of,
    count_of,
    participant_of,
    play_of,
    session_of,
    stream_of,
)
from parlour.runtime.deciding.sealing import is_person

from .read_your_writes import ReadYourWrites

PAGE_BYTES = 512 * 1024
"""Of rows in one answer: NATS carries a megabyte."""
_NAME = f"{UserJoined.TAG}/userName"
_encode = msgspec.json.Encoder().encode
R = TypeVar("R")


class CallFilter(msgspec.Struct, frozen=True):
    """Which calls: of an app, maybe of a room and of a person; begun in a time; older than `before`."""

    app: int
    room: str
    actor: str
    from_at: int
    to_at: int
    before: UUID | None


class CallReader(Protocol):
    """The active generation's rows. Every method may raise `LogUnavailable`."""

    def calls(self, wanted: CallFilter, limit: int) -> Awaitable[list[CallRow]]:
        """Newest first."""
        ...

    def call(self, room_uid: UUID) -> Awaitable[CallRow | None]:
        """One."""
        ...

    def participants(self, room_uid: UUID, limit: int) -> Awaitable[list[ParticipantRow]]:
        """By first login."""
        ...

    def rows(self, table: str, room_uid: UUID, after: int, limit: int) -> Awaitable[list[Any]]:
        """Of session, stream, play or messages: those whose number (messages: time) is above `after`, in order."""
        ...

    def plays(self, room_uid: UUID, stream_id: str, actor: str, after: int, limit: int) -> Awaitable[list[PlayRow]]:
        """In order of beginning, of a stream and by a person where these are given."""
        ...


PARTS = ("session", "stream", "play", "messages")
"""A timeline's tables in the order of its pages; a cursor is `table.number`."""


class CallQueries:
    """One method for each question; `room` empty asks about the whole app."""

    def __init__(self, reads: CallReader, people: People, passing: ReadYourWrites, shelf: ArchiveIndex) -> None:
        self._reads = reads
        self._shelf = shelf
        self._people = people
        self._passing = passing

    async def calls(self, app: int, room: str, query: h.CallsQuery) -> h.Calls:
        """A page of calls."""
        limit = page_size(query.limit, h.CALLS_MOST)
        await self._passing.passed(app, room, query.min_pos)
        actor = await self._people.known(app, query.user) if query.user else ""
        if actor is None:
            return h.Calls()
        before = _uid(query.cursor, "cursor") if query.cursor else None
        wanted = CallFilter(app, room, actor, query.from_at, query.to_at, before)
        rows = await self._reads.calls(wanted, limit + 1)
        page = tuple(call_of(row) for row in rows[:limit])
        if len(rows) > limit:
            return h.Calls(page, page[-1].room_uid)
        archived = () if query.user else await self._shelf.calls(app, room, query.from_at, query.to_at)
        return h.Calls(page, archived=archived)

    async def call(self, app: int, room: str, query: h.CallQuery) -> h.OneCall:
        """One call and who was in it."""
        await self._passing.passed(app, room, query.min_pos)
        call = await self.find(app, room, query.room_uid)
        rows = await self._reads.participants(call.room_uid, h.ROWS_MOST)
        names = await self.names((row.actor for row in rows), ())
        return h.OneCall(call_of(call), tuple(participant_of(row, names) for row in rows))

    async def timeline(self, app: int, room: str, query: h.TimelineQuery) -> h.Timeline:
        """A page of a call's intervals."""
        limit = page_size(query.limit, h.ROWS_MOST)
        table, after = _place(query.cursor, PARTS)
        await self._passing.passed(app, room, query.min_pos)
        call = await self.find(app, room, query.room_uid)
        taken: dict[str, tuple[Any, ...]] = {}
        left, size = limit, PAGE_BYTES
        for part in PARTS[PARTS.index(table) :]:
            if left == 0:
                return self._timeline(call, taken, f"{part}.-1")
            rows = await self._reads.rows(part, call.room_uid, after, left + 1)
            spans = await self._spans(part, rows[:left])
            taken[part] = fitting = _fitting(spans, size, bool(left == limit))
            size -= sum(len(_encode(span)) + 1 for span in fitting)
            left -= len(fitting)
            if len(fitting) < len(rows):
                last = rows[len(fitting) - 1] if fitting else None
                return self._timeline(call, taken, f"{part}.{after if last is None else _number(last)}")
            after = -1
        return self._timeline(call, taken, "")

    @staticmethod
    def _timeline(call: CallRow, taken: dict[str, tuple[Any, ...]], next_: str) -> h.Timeline:
        return h.Timeline(call_of(call), *(taken.get(part, ()) for part in PARTS), next=next_)

    async def views(self, app: int, room: str, query: h.ViewsQuery) -> h.Views:
        """A page of who saw which stream when."""
        limit = page_size(query.limit, h.ROWS_MOST)
        _, after = _place(query.cursor, ("play",))
        await self._passing.passed(app, room, query.min_pos)
        actor = await self._people.known(app, query.user) if query.user else ""
        call = await self.find(app, room, query.room_uid)
        if actor is None:
            return h.Views()
        rows = await self._reads.plays(call.room_uid, query.stream_id, actor, after, limit + 1)
        page = _fitting(await self._spans("play", rows[:limit]), PAGE_BYTES, True)
        return h.Views(page, f"play.{page[-1].started_seq}" if len(rows) > len(page) else "")

    async def find(self, app: int, room: str, room_uid: str) -> CallRow:
        """The call, for an asker who may see it."""
        uid = _uid(room_uid, "roomUID")
        call = await self._reads.call(uid)
        shelved = await self._shelf.find(uid) if call is None else None
        if shelved is not None and shelved.life.app == app and room in ("", shelved.life.room):
            raise shelved.rejection()
        if call is None or call.app != app or (room and call.room != room):
            raise Rejection(Problem(int(Code.NOT_FOUND), "there is no such call", "roomUID"))
        return call

    async def _spans(self, part: str, rows: Sequence[Any]) -> list[Any]:
        if part == "messages":
            return [count_of(row) for row in rows]
        actors = [actor for row in rows for actor in (row.actor, getattr(row, "by_actor", ""))]
        names = await self.names(actors, [row for row in rows if isinstance(row, SessionRow)])
        make: Any = {"session": session_of, "stream": stream_of, "play": play_of}[part]
        return [make(row, names) for row in rows]

    async def names(self, actors: Iterable[str], sessions: Iterable[SessionRow]) -> Names:
        """Who these people are, opened now."""
        wanted = frozenset(actor for actor in actors if is_person(actor))
        user_ids = await self._people.user_ids(wanted) if wanted else {}
        sealed = [row.sealed_name for row in sessions if row.sealed_name]
        if sealed:
            await self._people.load(frozenset(map(owner_of, sealed)))
        return Names(user_ids, {text: self._people.open(_NAME, text) or "" for text in sealed})


def _fitting(spans: list[R], most: int, first: bool) -> tuple[R, ...]:
    """As many of the first rows as `most` bytes hold; at least one where the answer would be empty (`first`)."""
    size = 0
    for count, span in enumerate(spans):
        size += len(_encode(span)) + 1
        if size > most and (count or not first):
            return tuple(spans[:count])
    return tuple(spans)


def _number(row: Any) -> int:
    for name in ("joined_seq", "added_seq", "started_seq"):
        if hasattr(row, name):
            return getattr(row, name)
    return row.at


def _place(cursor: str, parts: tuple[str, ...]) -> tuple[str, int]:
    if not cursor:
        return parts[0], -1
    table, _, number = cursor.partition(".")
    if table not in parts or not (number == "-1" or (number.isdecimal() and len(number) < 18)):
        raise invalid(Code.PARAMETER, "cursor", "this is no cursor of such a list", hint="pass back what `next` was")
    return table, int(number)


def page_size(asked: int, most: int) -> int:
    """`Invalid` for a page of nothing; a larger one than `most` is cut."""
    if asked < 1:
        raise invalid(Code.PARAMETER, "limit", "a page has at least one row", limit=f"1..{most}")
    return min(asked, most)


def _uid(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise invalid(Code.PARAMETER, field, f"{field} is not a UUID", hint="pass back what the server sent") from None
