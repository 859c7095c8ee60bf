"""Readers outside of a room: range reads, long polls and streams of its events over HTTP, and subscriptions over WebSockets.

Promises. 1. A reader gets each event after its position exactly once and in order (as itself or inside a skip), over all calls of the
room, or a page that says `diverged`, and it starts again. 2. Its right to read is checked before every page, and again after a page that
had to be fetched; the end of the right is noticed within a second. 3. A room that does not exist, one of another app, and one that the
token does not cover are answered alike.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
from msgspec.structs import replace

from parlour.contracts.codes import Code
from parlour.contracts.ids import Position, parse_position
from parlour.contracts.queries import RoomState, SnapshotQuery
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.app.access.token_verifier import TokenVerifier, room_not_found
from parlour.gateway.app.ports import History
from parlour.gateway.domain.encoded_event import HASH8_BEFORE_FIRST
from parlour.gateway.domain.read_scope import ReadScope, scope_of_user
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import members_only

from .cursor import RECORD_PAGE, Cursor, HistoryDiverged, Page, latest_position
from .feed import RoomFeed
from .feeds import RoomFeeds

RECHECK_S = 5.0
"""Most seconds between two checks of a reader's token, if no event concerns it and it has not expired."""
LATEST = "latest"
EVENTS_SCOPE = "events"
"""The scope that a reader's token must have."""


class ReadRequest(msgspec.Struct, frozen=True):
    """Which room is read, with the token that is checked again before each page."""

    token: str
    app: str
    room: str


class Reader:
    """A cursor with a token that allows it to read. `changed` is set when there may be something to read, or the token may have ended."""

    def __init__(
        self, request: ReadRequest, cursor: Cursor, verifier: TokenVerifier, types: tuple[str, ...], changed: asyncio.Event,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.cursor = cursor
        self.changed = changed
        self.closing = False
        """Whether the gateway stops; the reader's request ends with what is there."""
        self.last_scope = ReadScope()
        """What the token allowed at the last check."""
        self._request = request
        self._verifier = verifier
        self._types = types
        self._clock = clock
        self._expires_s = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_certain(self) -> bool:
        """Whether no event since the last check may have ended the token, and it has not expired."""
        return not self.changed.is_set() and self.token_expires_in_s > 0

    @property
    def token_expires_in_s(self) -> float:
        """For how long the token is valid, by the last check; negative once it has expired."""
        return self._expires_s - self._clock.at() / 1e6

    async def check_scope(self) -> ReadScope:
        """Checks the token, and returns what it allows now. `Rejection` where it does not allow to read any more."""
        asked = self._request
        grant = await self._verifier.authorize(asked.token, asked.app, EVENTS_SCOPE, asked.room)
        self._expires_s = grant.expires_s
        scope: ReadScope | None = ReadScope(audit=grant.allows("audit"))
        if grant.user is not None and not grant.allows("audit"):
            mirror = self.cursor.mirror
            scope = scope_of_user(mirror.state if mirror is not None else None, grant.user)
        if scope is None:
            raise room_not_found()
        self.last_scope = replace(scope, types=self._types)
        return self.last_scope

    async def read_page(self, limit: int = RECORD_PAGE) -> Page:
        """Returns what follows the position, at most `limit` events of the record, and moves behind it. A position that is not in the
        room's history is moved to one that is.
        """
        scope = await self.check_scope()
        found = self.cursor.peek_buffer(limit)
        if found is None:
            try:
                found = await self.cursor.fetch(limit)
            except HistoryDiverged as diverged:
                self.cursor.position = diverged.position
                return Page([], diverged.position, more=False, diverged=True)
            scope = await self.check_scope()  # the token may have ended meanwhile
        return self.cursor.advance(found, scope)

    async def has_diverged(self) -> bool:
        """Tells whether the position is not in the room's history."""
        position = self.cursor.position
        page = await self.read_page(1)
        self.cursor.position = position
        return page.diverged

    async def wait(self, seconds: float) -> None:
        """Waits until something may have changed, at most so long. A timer that is early enough serves for many waits."""
        if not self.changed.is_set():
            loop = asyncio.get_running_loop()
            until = loop.time() + max(0.0, min(seconds, RECHECK_S, self.token_expires_in_s))
            if self._timer is None or self._timer.when() > until:
                self.stop_timer()
                self._timer = loop.call_at(until, self._due)
            await self.changed.wait()
        self.changed.clear()

    def stop_timer(self) -> None:
        """Cancels the timer that `wait` started."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self.changed.set()


class Readers:
    """Opens readers. `use_local_mirror`: where the room is mirrored here, readers begin where the mirror stands, without asking the record;
    what the mirror lacks comes by its feed.
    """

    def __init__(
        self, history: History, feeds: RoomFeeds, verifier: TokenVerifier, clock: Clock, *, use_local_mirror: bool = False
    ) -> None:  # fmt: skip
        self._history = history
        self._use_local_mirror = use_local_mirror
        self._feeds = feeds
        self._verifier = verifier
        self._clock = clock
        self._open: set[Reader] = set()

    def close(self) -> None:
        """Ends all waits and streams, since the gateway stops."""
        for reader in self._open:
            reader.closing = True
            reader.changed.set()

    @asynccontextmanager
    async def open(
        self, grant: Subscription, request: ReadRequest, after: str, types: tuple[str, ...], *, follows: bool
    ) -> AsyncGenerator[Reader]:
        """Opens a reader at `after`: a position; empty for the beginning of the latest call; `latest` for its end. With `follows` it can
        wait for what comes. `Rejection` where there is no such room for it.
        """
        if follows or (grant.user is not None and not grant.allows("audit")):
            async with self.follow(grant, request, after, types) as (reader, _):
                yield reader
        else:
            position = _position_of(after, await self._latest(grant.app, request.room))
            cursor = Cursor(self._history, grant.app, request.room, position)
            yield Reader(request, cursor, self._verifier, types, asyncio.Event(), self._clock)

    @asynccontextmanager
    async def follow(
        self, grant: Subscription, request: ReadRequest, after: str, types: tuple[str, ...]
    ) -> AsyncGenerator[tuple[Reader, RoomFeed]]:
        """As `open`, with the room's feed: the reader is woken by each event, and by what may change its right to read."""
        changed = asyncio.Event()
        async with self._feeds.follow(grant.app, request.room, changed) as feed:
            if self._use_local_mirror and grant.user is None and feed.mirror is not None:
                latest = feed.mirror.position
            else:  # a user may have joined just now, at another gateway
                latest = await self._latest(grant.app, request.room)
                await feed.reach(latest.room_uid, latest.seq)
            with self._verifier.watch(grant.app, changed):
                cursor = Cursor(self._history, grant.app, request.room, _position_of(after, latest), feed)
                reader = Reader(request, cursor, self._verifier, types, changed, self._clock)
                await reader.check_scope()
                self._open.add(reader)
                try:
                    yield reader, feed
                finally:
                    self._open.discard(reader)
                    reader.stop_timer()

    async def read_state(self, grant: Subscription, request: ReadRequest, query: SnapshotQuery) -> RoomState:
        """Returns the room as of a position, without what only auditors see unless the reader is one."""
        past = query.seq is not None or query.at is not None
        if grant.user is not None and not grant.allows("audit") and past:
            raise Rejection(Code.FORBIDDEN, "a user's token reads the room as it is now", field="at")
        async with self.open(grant, request, LATEST, (), follows=False) as reader:
            answer = await self._history.snapshot(grant.app, request.room, query)
            scope = await reader.check_scope()
        if answer.state is None:
            raise room_not_found()
        return answer.state if scope.audit else members_only(answer.state)

    async def _latest(self, app: int, room: str) -> Position:
        latest = await latest_position(self._history, app, room)
        if not latest.seq:
            raise room_not_found()
        return latest


def _position_of(after: str, latest: Position) -> Position:
    if not after:
        return Position(latest.room_uid, 0, HASH8_BEFORE_FIRST)
    return latest if after == LATEST else parse_position(after)
