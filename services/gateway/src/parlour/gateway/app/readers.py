"""Readers outside: range reads, long polls and streams of one room's events over HTTP, on one cursor.

Promises. 1. A reader gets each event after its place exactly once and in order (as itself or inside a skip), over the lives of the room
name, or is told to start anew (`Diverged`). 2. Its right to read is asked for before every page, and once more behind one that had to be
fetched; what ends it is noticed within a second. 3. A room that does not exist, one of another app, and one that the token does not cover
answer alike.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import Position, parse_position
from parlour.contracts.queries import Head, Replay, ReplayQuery, RoomState, SnapshotQuery
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.token_verifier import TokenVerifier, no_room
from parlour.gateway.domain.reading import NOBODY_BEFORE, Item, Kept, Sight, sift, sight_of_member
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import event_of, members_only

from .ports import History
from .tails import Tail, Tails

PAGE = 500
RECHECK_S = 5.0
"""Between two looks at a stream's right to go on, where nothing is heard of its end and it has not run out."""
LIVES = 100
"""How many lives of a room a place may be behind before the reader starts anew."""
LATEST = "latest"


class Diverged(Exception):
    """The reader's place is not in our history; `position` is where it may start anew."""

    def __init__(self, position: Position) -> None:
        super().__init__("the place is not in this room's history")
        self.position = position


class Page(msgspec.Struct, frozen=True):
    """`more`: the log goes on behind it now."""

    items: list[Item]
    position: Position
    more: bool


class Asked(msgspec.Struct, frozen=True):
    """Who reads what: the token is asked about again before each page."""

    token: str
    app: str
    room: str
    scope: str = "events"


class Reader:
    """One reader's place in a room. `follows`: it waits for what comes; without, it reads what is there."""

    def __init__(self, asked: Asked, history: History, principals: TokenVerifier, types: tuple[str, ...]) -> None:
        self._asked = asked
        self._history = history
        self._principals = principals
        self.types = types
        self.seen: Sight | None = None
        """What it might see when it looked last."""
        self.changed = asyncio.Event()
        self.tail: Tail | None = None
        self.place = Position("", 0, NOBODY_BEFORE)
        self.app = 0
        self._expires_s = 0
        self._timer: asyncio.TimerHandle | None = None
        self.closing = False
        """The gateway stops: what is there is handed over, then the reader goes elsewhere."""

    def begin(self, after: str, head: Head) -> None:
        """The place to read on from: empty is the beginning of the latest life, `latest` its end."""
        if after and after != LATEST:
            self.place = parse_position(after)
        elif after:
            self.place = Position(head.room_uid, head.seq, head.hash[:16])
        else:
            self.place = Position(head.room_uid, 0, NOBODY_BEFORE)

    @property
    def arrived(self) -> bool:
        """It stands where the room's mirror stands."""
        return self.tail is not None and self.tail.after(self.place) == ()

    async def page(self, limit: int = PAGE) -> Page:
        """What follows the place, at most `limit` events of the record; moves the place behind it."""
        sight = await self.sight()
        found = self.tail.after(self.place) if self.tail is not None else None
        if found is None:
            found, more = await self._from_record(limit)
            sight = await self.sight()  # it may have ended meanwhile
        else:
            found, more = found[:limit], len(found) > limit
        self.place = found[-1].position if found else self.place
        self.seen = sight
        return Page(sift(found, sight, self.types), self.place, more)

    async def wait(self, seconds: float) -> None:
        """Until something may have changed, at most so long. A timer that is early enough serves for many waits."""
        if not self.changed.is_set():
            loop = asyncio.get_running_loop()
            until = loop.time() + max(0.0, min(seconds, RECHECK_S, self._expires_s - time.time()))
            if self._timer is None or self._timer.when() > until:
                self.rest()
                self._timer = loop.call_at(until, self._due)
            await self.changed.wait()
        self.changed.clear()

    def rest(self) -> None:
        """Waits no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self.changed.set()

    async def sight(self) -> Sight:
        """What the reader may see now. `Rejection` where it may not read any more."""
        who = await self._principals.allowed(self._asked.token, self._asked.app, self._asked.scope, self._asked.room)
        self._expires_s = who.expires_s
        if who.allows("audit"):
            return Sight(audit=True)
        if who.user is None:
            return Sight()
        mirror = self.tail.feed.mirror if self.tail is not None else None
        sight = sight_of_member(mirror.state if mirror else None, who.user)
        if sight is None:
            raise no_room()
        return sight

    @property
    def certain(self) -> bool:
        """Nothing was heard since it looked last that might change what it may see, and its token has not run out."""
        return not self.changed.is_set() and time.time() < self._expires_s

    def jump(self, to: Position) -> None:
        """Starts anew from there."""
        self.place = to

    async def _from_record(self, limit: int) -> tuple[tuple[Kept, ...], bool]:
        for _ in range(LIVES):
            place = self.place
            page = await self._replay(place, limit)
            if page.events:
                return tuple(map(Kept, page.events)), page.more or not page.head.open
            following = None if page.head.open else await self._next_life(place.room_uid)
            if following is None:
                return (), False
            self.place = Position(following, 0, NOBODY_BEFORE)
        raise Diverged(self.place)

    async def _replay(self, place: Position, limit: int) -> Replay:
        query = ReplayQuery(place.room_uid, place.seq, min(limit, PAGE), place.hash8)
        try:
            page = await self._history.replay(self.app, self._asked.room, query)
        except Rejection as refused:
            if refused.problem.code != Code.NOT_FOUND:
                raise
            page = Replay(Head(), diverged=True)
        if page.diverged:
            head = await self._latest()
            raise Diverged(Position(head.room_uid, head.seq, head.hash[:16]))
        return page

    async def _latest(self) -> Head:
        mirror = self.tail.feed.mirror if self.tail is not None else None
        if mirror is not None and mirror.state.room_uid > self.place.room_uid:
            return head_of(mirror.state)  # a later life is here already, whatever the record said a moment ago
        return (await self._history.replay(self.app, self._asked.room, ReplayQuery(limit=1))).head

    async def _next_life(self, room_uid: str) -> str | None:
        """The life that cites this one as the one before it; None where it is the latest."""
        head = await self._latest()
        life = head.room_uid
        for _ in range(LIVES):
            if life == room_uid:
                return None
            first = (await self._history.replay(self.app, self._asked.room, ReplayQuery(life, 0, 1))).events[0]
            opened = event_of(first)
            before = opened.previous if isinstance(opened, ev.RoomOpened) else ""
            if before.partition(".")[0] == room_uid:
                return life
            if not before:
                break
            life = before.partition(".")[0]
        raise Diverged(Position(head.room_uid, head.seq, head.hash[:16]))


class Readers:
    """Opens readers. `near`: those who follow a room that is mirrored here begin where the mirror stands, without asking the record where
    the room does; they are told what it lacks as it comes.
    """

    def __init__(self, history: History, tails: Tails, principals: TokenVerifier, *, near: bool = False) -> None:
        self._history = history
        self._near = near
        self._tails = tails
        self._principals = principals
        self._open: set[Reader] = set()

    def close(self) -> None:
        """Lets everybody go who waits or streams."""
        for reader in self._open:
            reader.closing = True
            reader.changed.set()

    @asynccontextmanager
    async def open(
        self, who: Subscription, asked: Asked, after: str, types: tuple[str, ...], *, follows: bool
    ) -> AsyncGenerator[Reader]:
        """A reader at its first place. `Rejection` where there is no such room for it."""
        reader = Reader(asked, self._history, self._principals, types)
        reader.app = who.app
        if not follows and (who.user is None or who.allows("audit")):
            reader.begin(after, await self._head(who.app, asked.room))
            yield reader
            return
        async with self._tails.follow(who.app, asked.room, reader.changed) as tail:
            near = self._near and who.user is None  # a user may have come in just now, and elsewhere
            if near and tail.feed.mirror is not None:
                head = head_of(tail.feed.mirror.state)
            else:
                head = await self._head(who.app, asked.room)
                await tail.feed.reach(head.room_uid, head.seq)
            reader.tail = tail
            with self._principals.watching(who.app, reader.changed):
                reader.begin(after, head)
                await reader.sight()
                self._open.add(reader)
                try:
                    yield reader
                finally:
                    self._open.discard(reader)
                    reader.rest()

    async def state(self, who: Subscription, asked: Asked, query: SnapshotQuery) -> RoomState:
        """The room as of a place, without what only auditors see unless the reader is one."""
        past = query.seq is not None or query.at is not None
        if who.user is not None and not who.allows("audit") and past:
            raise Rejection.of(Code.FORBIDDEN, "a user's token reads the room as it is now", field="at")
        async with self.open(who, asked, LATEST, (), follows=False) as reader:
            answer = await self._history.snapshot(who.app, asked.room, query)
            sight = await reader.sight()
        if answer.state is None:
            raise no_room()
        return answer.state if sight.audit else members_only(answer.state)

    async def _head(self, app: int, room: str) -> Head:
        head = (await self._history.replay(app, room, ReplayQuery(limit=1))).head
        if not head.seq:
            raise no_room()
        return head


def head_of(state: RoomState) -> Head:
    """Where a mirrored room stands."""
    return Head(state.room_uid, state.seq, state.hash, state.open)
