"""Answers about one room name: where it stands, what happened, how it was at a moment.

A life is given by its `room_uid`, or is the name's latest. A life of another room is as good as none: askers are let in by room name.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code, Problem
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import SEQ_MAX, invalid
from parlour.contracts.queries import Head, HeadQuery, Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.kernel.log import EventLog, LogHead, Record
from parlour.kernel.paging import page_of
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.record.app.archive_index import ArchiveIndex

from .positions import has_place, other_history
from .states import RoomStates

PAGE_EVENTS = 500
PAGE_BYTES = 512 * 1024
"""Of events in one answer: NATS carries a megabyte."""

_encode = msgspec.json.Encoder().encode
Open = Callable[[People, tuple[Record, ...]], Awaitable[tuple[EventView, ...]]]


class RoomQueries:
    """Each answer is read from the log itself: nothing acknowledged is missing from it."""

    def __init__(
        self, log: EventLog, people: People, open_records: Open, folds: RoomStates, shelf: ArchiveIndex
    ) -> None:
        self._shelf = shelf
        self._log = log
        self._people = people
        self._open = open_records
        self._folds = folds

    async def head(self, app: int, room: str, query: HeadQuery) -> Head:
        """Where the life stands; an empty Head if there is none."""
        found = await self._find(app, room, query.room_uid)
        return Head() if found is None else _head(found)

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        """A page of events. A name that was never opened has an empty history; an unknown life is refused."""
        if not 0 <= query.after <= SEQ_MAX:
            raise invalid(Code.PARAMETER, "after", "after is an event's number", limit=f"0..{SEQ_MAX}")
        if query.limit < 1:
            raise invalid(Code.PARAMETER, "limit", "limit counts events", limit="1..")
        found = await self._find(app, room, query.room_uid)
        if found is None:
            if query.room_uid:
                raise await self._gone(app, room, query.room_uid)
            return Replay(Head())
        if query.hash8 and not await has_place(self._log, found, query.after, query.hash8):
            return Replay(_head(found), diverged=True)
        records = await self._log.read(found.log.uid, query.after, min(query.limit, PAGE_EVENTS))
        events = _fitting(await self._open(self._people, records))
        last = events[-1].seq if events else query.after
        return Replay(_head(found), events, more=last < found.seq)

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        """A page of the room as of a number, a time or now. No state: the name was never opened."""
        if query.at is not None and not 0 <= query.at <= SEQ_MAX:
            raise invalid(Code.PARAMETER, "at", "at is a time in unix microseconds", limit=f"0..{SEQ_MAX}")
        if query.after < 0:
            raise invalid(Code.PARAMETER, "after", "after counts rows of the state", limit="0..")
        found = await self._find(app, room, query.room_uid)
        if found is None:
            if query.room_uid:
                raise await self._gone(app, room, query.room_uid)
            return Snapshot()
        wanted = found.seq if query.seq is None else query.seq
        if wanted < 0 or max(wanted, query.min_seq) > found.seq:
            limit = f"0..{found.seq}"
            raise Rejection(
                Problem(int(Code.NOT_FOUND), f"the room has no event {max(wanted, query.min_seq)}", "seq", limit)
            )
        for seq, hash8, field in ((wanted, query.hash8, "at"), (query.min_seq, query.min_hash8, "min_pos")):
            if hash8 and not await has_place(self._log, found, seq, hash8):
                raise other_history(found, field)
        return page_of(await self._folds.state(found.log, wanted, query.at), query.after)

    async def _find(self, app: int, room: str, room_uid: str) -> LogHead | None:
        if not room_uid:
            return await self._log.latest(app, room)
        found = await self._log.head(_uid(room_uid))
        return found if found is not None and (found.log.app, found.log.room) == (app, room) else None

    async def _gone(self, app: int, room: str, room_uid: str) -> Rejection:
        """Whether a life that the log has not was archived."""
        shelved = await self._shelf.find(_uid(room_uid))
        known = shelved is not None and (shelved.life.app, shelved.life.room) == (app, room)
        return shelved.rejection("room_uid") if shelved is not None and known else _unknown_life()


def _fitting(views: tuple[EventView, ...]) -> tuple[EventView, ...]:
    """As many of the first events as one answer carries, at least one."""
    size = 0
    for count, view in enumerate(views):
        size += len(_encode(view)) + 1
        if size > PAGE_BYTES and count:
            return views[:count]
    return views


def _head(found: LogHead) -> Head:
    return Head(str(found.log.uid), found.seq, found.hash.hex(), found.open)


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise invalid(
            Code.PARAMETER, "room_uid", "room_uid is not a UUID", hint="pass back what the server sent"
        ) from None


def _unknown_life() -> Rejection:
    return Rejection(
        Problem(
            int(Code.NOT_FOUND), "this room has no such life", "room_uid", hint="ask without room_uid for the latest"
        )
    )
