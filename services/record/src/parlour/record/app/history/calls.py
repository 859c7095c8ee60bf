"""Answers about calls, read from the active generation of the projections.

An asker who is admitted to one room gets calls of other rooms answered as unknown. User ids and names are opened for each answer and
never stored, so that from an erasure on no answer shows the person.
"""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from parlour.contracts import history as h
from parlour.contracts.codes import Code
from parlour.contracts.events import UserJoined
from parlour.contracts.sealed_text import owner_of
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app import paging
from parlour.record.app.archive_index import ArchiveIndex
from parlour.record.domain.projections.rows import CallRow, Names, ParticipantRow, PlayRow, Row, SessionRow, columns
from parlour.runtime.deciding.sealing import is_person

from .read_your_writes import ReadYourWrites

TIMELINE_TABLES = ("session", "stream", "play", "messages")
"""A timeline's tables in the order of its pages; a cursor is `table.number`, and `-1` stands before the first row."""
_NAME = f"{UserJoined.TAG}/userName"


class CallFilter(msgspec.Struct, frozen=True):
    """Selects calls of an app, and of a room and a person where given, begun in a time (unix µs, 0: no bound), older than `before`."""

    app: int
    room: str
    actor: str
    from_at: int
    to_at: int
    before: UUID | None


class CallReader(Protocol):
    """Reads the active generation's rows. Methods may raise `LogUnavailable`."""

    def calls(self, wanted: CallFilter, limit: int) -> Awaitable[list[CallRow]]:
        """Returns at most `limit` calls, newest first."""
        ...

    def call(self, room_uid: UUID) -> Awaitable[CallRow | None]:
        """Returns the call with this id, if there is one."""
        ...

    def participants(self, room_uid: UUID, limit: int) -> Awaitable[list[ParticipantRow]]:
        """Returns a call's people in the order of their first logins."""
        ...

    def rows(self, table: str, room_uid: UUID, after: int, limit: int) -> Awaitable[list[Any]]:
        """Returns rows of one of `TIMELINE_TABLES` whose number (of messages: time) is above `after`, in order."""
        ...

    def plays(self, room_uid: UUID, stream_id: str, actor: str, after: int, limit: int) -> Awaitable[list[PlayRow]]:
        """Returns plays in the order of their beginnings, of one stream and by one person where given."""
        ...


class CallQueries:
    """Answers one question per method; an empty `room` asks about the whole app. Methods may raise `LogUnavailable`."""

    def __init__(
        self, reader: CallReader, people: UserKeyStore, projections: ReadYourWrites, archives: ArchiveIndex
    ) -> None:
        self._reader = reader
        self._people = people
        self._projections = projections
        self._archives = archives

    async def calls(self, app: int, room: str, query: h.CallsQuery) -> h.Calls:
        """Returns a page of calls, and on the last page the archive files that hold older ones."""
        limit = paging.page_size(query.limit, h.CALLS_MOST)
        await self._projections.wait_for(app, room, query.min_pos)
        actor = await self._people.known(app, query.user) if query.user else ""
        if actor is None:
            return h.Calls()
        before = paging.parse_uuid(query.cursor, "cursor") if query.cursor else None
        wanted = CallFilter(app, room, actor, query.from_at, query.to_at, before)
        rows = await self._reader.calls(wanted, limit + 1)
        page = tuple(row.describe() for row in rows[:limit])
        if len(rows) > limit:
            return h.Calls(page, page[-1].room_uid)
        archived = () if query.user else await self._archives.calls(app, room, query.from_at, query.to_at)
        return h.Calls(page, archived=archived)

    async def call(self, app: int, room: str, query: h.CallQuery) -> h.OneCall:
        """Returns one call and who was in it."""
        await self._projections.wait_for(app, room, query.min_pos)
        call = await self.find(app, room, query.room_uid)
        rows = await self._reader.participants(call.room_uid, h.ROWS_MOST)
        names = await self.load_names((row.actor for row in rows), ())
        return h.OneCall(call.describe(), tuple(row.describe(names) for row in rows))

    async def timeline(self, app: int, room: str, query: h.TimelineQuery) -> h.Timeline:
        """Returns a page of a call's intervals, table after table."""
        limit = paging.page_size(query.limit, h.ROWS_MOST)
        first, after = _parse_cursor(query.cursor, TIMELINE_TABLES)
        await self._projections.wait_for(app, room, query.min_pos)
        call = await self.find(app, room, query.room_uid)
        spans: dict[str, tuple[Any, ...]] = {}
        rows_left, bytes_left = limit, paging.BYTES_PER_ANSWER
        for table in TIMELINE_TABLES[TIMELINE_TABLES.index(first) :]:
            if rows_left == 0:
                return _timeline(call, spans, f"{table}.-1")
            rows = await self._reader.rows(table, call.room_uid, after, rows_left + 1)
            found = await self._spans(rows[:rows_left])
            spans[table] = page = paging.fit_answer(found, bytes_left, never_empty=rows_left == limit)
            bytes_left -= sum(map(paging.encoded_bytes, page))
            rows_left -= len(page)
            if len(page) < len(rows):
                return _timeline(call, spans, f"{table}.{_number(rows[len(page) - 1]) if page else after}")
            after = -1
        return _timeline(call, spans, "")

    async def views(self, app: int, room: str, query: h.ViewsQuery) -> h.Views:
        """Returns a page of who played which stream when."""
        limit = paging.page_size(query.limit, h.ROWS_MOST)
        _, after = _parse_cursor(query.cursor, ("play",))
        await self._projections.wait_for(app, room, query.min_pos)
        actor = await self._people.known(app, query.user) if query.user else ""
        call = await self.find(app, room, query.room_uid)
        if actor is None:
            return h.Views()
        rows = await self._reader.plays(call.room_uid, query.stream_id, actor, after, limit + 1)
        page = paging.fit_answer(await self._spans(rows[:limit]))
        return h.Views(page, f"play.{page[-1].started_seq}" if len(rows) > len(page) else "")

    async def find(self, app: int, room: str, room_uid: str) -> CallRow:
        """Returns the call. `Rejection` if it is archived, unknown, or of another app or room than the asker's."""
        uid = paging.parse_uuid(room_uid, "roomUID")
        call = await self._reader.call(uid)
        archived = await self._archives.find(uid) if call is None else None
        if archived is not None and archived.call.app == app and room in ("", archived.call.room):
            raise archived.rejection()
        if call is None or call.app != app or (room and call.room != room):
            raise Rejection(Code.NOT_FOUND, "there is no such call", field="roomUID")
        return call

    async def _spans(self, rows: Sequence[Any]) -> list[Any]:
        actors = [getattr(row, name, "") for row in rows for name in ("actor", "by_actor")]
        names = await self.load_names(actors, [row for row in rows if isinstance(row, SessionRow)])
        return [row.describe(names) for row in rows]

    async def load_names(self, actors: Iterable[str], sessions: Iterable[SessionRow]) -> Names:
        """Returns the user ids of `actors` and the opened names of `sessions`; erased people have neither."""
        wanted = frozenset(actor for actor in actors if is_person(actor))
        user_ids = await self._people.user_ids(wanted) if wanted else {}
        sealed = [row.sealed_name for row in sessions if row.sealed_name]
        if sealed:
            await self._people.load(frozenset(map(owner_of, sealed)))
        return Names(user_ids, {text: self._people.open(_NAME, text) or "" for text in sealed})


def _timeline(call: CallRow, spans: dict[str, tuple[Any, ...]], next_: str) -> h.Timeline:
    return h.Timeline(call.describe(), *(spans.get(table, ()) for table in TIMELINE_TABLES), next=next_)


def _number(row: Row) -> int:
    """Returns what orders a row in its table: the seq at which it began; of a message count, its time."""
    return getattr(row, columns(type(row))[1])


def _parse_cursor(cursor: str, tables: tuple[str, ...]) -> tuple[str, int]:
    if not cursor:
        return tables[0], -1
    table, _, number = cursor.partition(".")
    if table not in tables:
        raise paging.invalid_cursor()
    return table, -1 if number == "-1" else paging.parse_number(number)
