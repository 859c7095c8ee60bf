"""A reader's position in a room, and what follows it: from the room's buffer as far as that reaches, else from the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import Position
from parlour.contracts.queries import Head, Replay, ReplayQuery
from parlour.gateway.app.ports import History
from parlour.gateway.domain.encoded_event import HASH8_BEFORE_FIRST, EncodedEvent, encode_page
from parlour.gateway.domain.frame_batch import Item, merge_skips
from parlour.gateway.domain.read_scope import ReadScope
from parlour.gateway.domain.room_mirror import RoomMirror
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import event_of

RECORD_PAGE = 500
"""Most events in one answer of the record."""
CALLS_MAX = 100
"""Calls of a room that a position may be behind before its reader starts again."""


class HistoryDiverged(Exception):
    """The position is not in the room's history; `position` is one from which the reader may start again."""

    def __init__(self, position: Position) -> None:
        super().__init__("the position is not in this room's history")
        self.position = position


class Page(msgspec.Struct, frozen=True):
    """Events and skips up to `position`. `more`: events behind it are known already. `diverged`: the position before was not in the room's
    history, and the reader starts again from this one.
    """

    items: list[Item]
    position: Position
    more: bool
    diverged: bool = False


class MirroredRoom(Protocol):
    """A room that this gateway follows."""

    @property
    def mirror(self) -> RoomMirror | None:
        """The room as known here; None until its first event or snapshot."""
        ...


class Found(msgspec.Struct, frozen=True):
    """Events behind a position; `more` as in `Page`."""

    events: Sequence[EncodedEvent]
    more: bool


@dataclass(eq=False, repr=False, slots=True)
class Cursor:
    """One reader's position in a room. `followed`: the room as this gateway follows it, None for a reader that only asks the record."""

    _history: History
    _app: int
    _room: str
    position: Position
    _followed: MirroredRoom | None = None

    @property
    def mirror(self) -> RoomMirror | None:
        """The room as this gateway knows it, None where it does not follow it."""
        return self._followed.mirror if self._followed is not None else None

    @property
    def is_caught_up(self) -> bool:
        """Whether everything that this gateway knows of the room is read."""
        mirror = self.mirror
        return mirror is not None and mirror.position == self.position

    def peek_buffer(self, limit: int) -> Found | None:
        """Returns what follows in the room's buffer; None where only the record can tell."""
        mirror = self.mirror
        events = mirror.buffer.after(self.position, limit) if mirror is not None else None
        if mirror is None or events is None:
            return None
        return Found(events, bool(events) and events[-1].seq < mirror.state.seq)

    async def fetch(self, limit: int) -> Found:
        """Returns what follows in the record; behind the end of a call the position moves on to the next call."""
        for _ in range(CALLS_MAX):
            page = await self._replay(limit)
            if page.events:
                mirror = self.mirror
                events = encode_page(page.events, mirror.user_of if mirror is not None else None)
                return Found(events, page.more or not page.head.open)
            following = None if page.head.open else await self._next_call()
            if following is None:
                return Found((), False)
            self.position = Position(following, 0, HASH8_BEFORE_FIRST)
        raise HistoryDiverged(self.position)

    def advance(self, found: Found, scope: ReadScope) -> Page:
        """Moves behind the events that were found, and returns them as a reader of this scope gets them."""
        if found.events:
            self.position = found.events[-1].position
        return Page(merge_skips(found.events, scope), self.position, found.more)

    async def _replay(self, limit: int) -> Replay:
        position = self.position
        query = ReplayQuery(position.room_uid, position.seq, min(limit, RECORD_PAGE), position.hash8)
        try:
            page = await self._history.replay(self._app, self._room, query)
        except Rejection as refused:
            if refused.problem.code != Code.NOT_FOUND:
                raise
            page = Replay(Head(), diverged=True)
        if page.diverged:
            raise HistoryDiverged(await self._latest())
        return page

    async def _latest(self) -> Position:
        mirror = self.mirror
        if mirror is not None and mirror.state.room_uid > self.position.room_uid:
            return mirror.position  # a later call is here already, whatever the record said a moment ago
        return await latest_position(self._history, self._app, self._room)

    async def _next_call(self) -> str | None:
        """Returns the call that cites the position's as the one before it; None where that is the latest."""
        latest = await self._latest()
        call = latest.room_uid
        for _ in range(CALLS_MAX):
            if call == self.position.room_uid:
                return None
            first = (await self._history.replay(self._app, self._room, ReplayQuery(call, 0, 1))).events[0]
            opened = event_of(first)
            before = opened.previous.partition(".")[0] if isinstance(opened, ev.RoomOpened) else ""
            if before == self.position.room_uid:
                return call
            if not before:
                break
            call = before
        raise HistoryDiverged(latest)


async def latest_position(history: History, app: int, room: str) -> Position:
    """Returns the position behind the last event of a room's latest call; one with seq 0 where there is no such room."""
    head = (await history.replay(app, room, ReplayQuery(limit=1))).head
    return Position(head.room_uid, head.seq, head.hash[:16])
