"""One room's events in this gateway: subscribed once, mirrored, handed to every seat in order.

Promises. 1. Each seat gets each event after its starting place exactly once and in order (as itself or as a skip), or is told to
resync. 2. An event that is missing is fetched from the record before anything later goes on. 3. `reach` returns only when the mirror
stands at or after the place asked for. Nothing in here waits by guess: short timers only decide when to stop hoping for NATS and ask.
"""

import asyncio
from collections.abc import Awaitable, Callable

from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import ReplayQuery, RoomHead, RoomState, SnapshotQuery
from parlour.gateway.domain.mirror import Ending, Mirror
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import BrokenHistory, empty_room
from parlour.runtime.telemetry.logging import logger

from .fanout import RETRY_S, Fanout
from .ports import History, Unsubscribe
from .seat import Seat

EARLY = 2048
"""Events that may wait for a missing one; more than that is taken from the record anew."""
PATIENCE_S = 0.03
"""Services publish side by side, so neighbours often arrive swapped; a gap that lasts longer is asked for."""
REACH_WITHIN_S = 4.0
CATCH_UP = 500
"""A mirror further behind than this takes a snapshot."""

log = logger(__name__)
Ended = Callable[[Seat, Ending], None]


class Feed:
    """A room name, over its lives."""

    def __init__(self, app: int, room: str, history: History, ended: Ended) -> None:
        self.app = app
        self.room = room
        self.fanout = Fanout(app, room, history)
        self.unsubscribe: Unsubscribe | None = None
        self.idle_since = 0.0
        self.taps: list[Callable[[EventView, bytes], None]] = []
        """Who gets each event, and its frame where members get one, besides the seats."""
        self.turns: list[Callable[[], None]] = []
        """Who is told when what was known of the room is replaced: another history, or without a person who was erased."""
        self._history = history
        self._ended = ended
        self._early: dict[tuple[str, int], EventView] = {}
        self._goal: tuple[str, int] = ("", 0)
        self._waiters: list[tuple[str, int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def mirror(self) -> Mirror | None:
        """The room as known here; None until its first event or snapshot."""
        return self.fanout.mirror

    @property
    def seats(self) -> dict[str, Seat]:
        """Those who are handed its events, by session id."""
        return self.fanout.seats

    # events

    def receive(self, view: EventView) -> None:
        """An event from NATS or from the record."""
        state = self.mirror.state if self.mirror else None
        if state is not None and view.room_uid == state.room_uid:
            if view.seq > state.seq:
                self._take(view)
            return
        if state is not None and view.room_uid < state.room_uid:
            return  # a repeated event of an older life
        if view.seq == 1 and (state is None or not state.open):
            self._begin(empty_room(self.app, self.room, view.room_uid))
            self._take(view)
            return
        self._early[view.room_uid, view.seq] = view
        if state is not None or self.seats or self.taps or self._waiters:
            self._seek(view.room_uid, view.seq)

    def lost(self) -> None:
        """Events were dropped on the way: the record knows which."""
        if self.mirror is not None:
            self._seek(self.mirror.state.room_uid, self.mirror.state.seq + 1)

    def beacon(self, head: RoomHead) -> None:
        """Where the room stands, by the record."""
        if self.mirror is None or head.room_uid < self.mirror.state.room_uid:
            return
        if head.room_uid == self.mirror.state.room_uid:
            known = self.mirror.hash8_at(head.seq)
            if known is not None and known != head.hash8:
                self._reload_soon("diverged")
            if head.seq <= self.mirror.state.seq:
                return
        self._seek(head.room_uid, head.seq)

    def erased(self, actor: str) -> None:
        """A person's key is gone: what is known of them here is read anew, and clients are told to do so."""
        if self.mirror is not None and self.mirror.tells_of(actor):
            self._goal = max(self._goal, (self.mirror.state.room_uid, self.mirror.state.seq))
            self._reload_soon("diverged")

    async def reach(self, room_uid: str, seq: int) -> Mirror:
        """The mirror, at or after this place of this life or in a later life. `Rejection` when that takes too long."""
        if not self._at(room_uid, seq):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((room_uid, seq, future))
            self._seek(room_uid, seq, patience_s=PATIENCE_S if self.mirror else 0.0)
            try:
                async with asyncio.timeout(REACH_WITHIN_S):
                    await future
            except TimeoutError:
                raise Rejection.of(Code.UNAVAILABLE, "the room's events can't be read now", hint="try again") from None
            finally:
                self._waiters = [waiter for waiter in self._waiters if waiter[2] is not future]
        assert self.mirror is not None
        return self.mirror

    def close(self) -> None:
        """Ends what runs."""
        if self._task is not None:
            self._task.cancel()
        self.fanout.close()

    # the mirror's way

    def _take(self, view: EventView) -> None:
        """An event of the mirror's life that is not behind it."""
        assert self.mirror is not None
        if view.seq != self.mirror.state.seq + 1:
            self._early[view.room_uid, view.seq] = view
            self._seek(view.room_uid, view.seq)
            return
        following: EventView | None = view
        while following is not None:
            if not self._follow(following):
                return
            following = self._early.pop((following.room_uid, following.seq + 1), None)
        self._settled()

    def _follow(self, view: EventView) -> bool:
        mirror = self.mirror
        assert mirror is not None
        try:
            entry = mirror.follow(view)
        except BrokenHistory:
            log.error("history_diverged", room_uid=view.room_uid, seq=view.seq)
            self._reload_soon("diverged")
            return False
        if entry.ending is not None:
            self._end(entry.ending)
        self.fanout.add(entry)
        for tap in self.taps:
            tap(view, entry.frame)
        return True

    def _begin(self, state: RoomState) -> None:
        self.fanout.flush()
        self.fanout.mirror = Mirror(state)

    def _at(self, room_uid: str, seq: int) -> bool:
        if self.mirror is None:
            return False
        state = self.mirror.state
        return state.room_uid > room_uid or (state.room_uid == room_uid and state.seq >= seq)

    def _settled(self) -> None:
        for room_uid, seq, future in self._waiters:
            if not future.done() and self._at(room_uid, seq):
                future.set_result(None)

    # to the seats

    def _end(self, ending: Ending) -> None:
        self.fanout.flush()
        gone = tuple(self.seats.values()) if not ending.session_id else (self.seats.get(ending.session_id),)
        for seat in gone:
            if seat is not None:
                del self.seats[seat.session.session_id]
                self._ended(seat, ending)

    # repair

    def _seek(self, room_uid: str, seq: int, patience_s: float = PATIENCE_S) -> None:
        """Sees to it that the mirror gets there."""
        self._goal = max(self._goal, (room_uid, seq))
        if len(self._early) > EARLY:
            self._early.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._repair(patience_s))

    def _reload_soon(self, reason: str) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._persist(lambda: self._reload(reason)))

    async def _repair(self, patience_s: float) -> None:
        if patience_s:
            await asyncio.sleep(patience_s)
        while self._goal[0] and not self._at(*self._goal):
            await self._persist(self._fetch)

    async def _persist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Tries until the record answers; whoever waits has a time limit of its own."""
        while True:
            try:
                await step()
                return
            except Rejection as rejection:
                log.warning("feed_waits", code=rejection.problem.code)
                if not self.seats and not self.taps and not self._waiters:
                    self._goal = ("", 0)
                    return
            await asyncio.sleep(RETRY_S)

    async def _fetch(self) -> None:
        """One step towards the goal: a page of events, or a snapshot where that is shorter."""
        room_uid, seq = self._goal
        mirror = self.mirror
        if mirror is None or mirror.state.room_uid != room_uid or seq - mirror.state.seq > CATCH_UP:
            await self._reload("limit")
            return
        state = mirror.state
        page = await self._history.replay(
            self.app, self.room, ReplayQuery(state.room_uid, state.seq, CATCH_UP, state.hash[:16])
        )
        if page.diverged:
            await self._reload("diverged")
            return
        for view in page.events:
            self.receive(view)
        if not page.events and self._goal == (room_uid, seq) and not self._at(room_uid, seq):
            self._goal = ("", 0)  # the record, which is the truth, has nothing there
        self._settled()

    async def _reload(self, reason: str) -> None:
        """A snapshot in the mirror's place; seats are told."""
        room_uid, seq = self._goal
        answer = await self._history.snapshot(self.app, self.room, SnapshotQuery(room_uid=room_uid, min_seq=seq))
        state = answer.state
        if state is None:
            self._goal = ("", 0)
            return
        if reason != "diverged" and self._at(state.room_uid, state.seq):
            self._settled()
            return
        first = self.mirror is None
        self._begin(state)
        self._early = {key: v for key, v in self._early.items() if key > (state.room_uid, state.seq)}
        if not first:
            self._resync(reason)
        self._drain()

    def _resync(self, reason: str) -> None:
        """Every seat starts anew, but those that the record brings forward: what is theirs, it tells them."""
        assert self.mirror is not None
        for seat in tuple(self.seats.values()):
            if self.mirror.actor_of(seat.session.session_id) is None:
                self._end(Ending(seat.session.session_id, int(Code.SESSION_UNKNOWN), "the session left the room"))
            elif seat.behind is None or reason == "diverged" or seat.behind.room_uid != self.mirror.state.room_uid:
                self.fanout.start_anew(seat, reason)
        if reason == "diverged":
            for turn in tuple(self.turns):
                turn()

    def _drain(self) -> None:
        """What arrived early and follows now."""
        assert self.mirror is not None
        state = self.mirror.state
        following = self._early.pop((state.room_uid, state.seq + 1), None)
        if following is not None:
            self._take(following)
        self._settled()
