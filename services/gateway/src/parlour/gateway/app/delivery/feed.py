"""One room's events in this gateway: subscribed once, mirrored, delivered to every member and reader.

This package's promises, for members, for subscriptions over WebSockets and for readers over HTTP alike:
1. Order, no gap, no duplicate: a reader gets each event after its position once and in order, as itself or inside a skip, or it is told to
   start again (`resync` and a snapshot; over HTTP the position to go on from). An event that is missing is fetched from the record before
   anything later goes on.
2. Bounded memory: a room keeps `BUFFER_EVENTS`, and `EARLY_EVENTS` that wait for a missing one; a reader keeps a position, not a queue.
   One whose window is full is sent nothing, and catches up from the buffer or the record, `EVENTS_PER_PAGE` at a time, as it reads.
3. Sharing: events of one tick of the event loop (at most `EVENTS_PER_TICK`) are encoded once for all readers of one scope, in batches of
   `BATCH_BYTES`, and written in one go.
4. Resync: a mirror that is replaced since the history diverged, or since a person was erased, restarts every member and subscription; one
   that skips ahead restarts the members that were live, and everybody else goes on by the record.
Timers only decide when to stop waiting for NATS and ask the record.
"""

import asyncio
from collections.abc import Awaitable, Callable

from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import ReplayQuery, RoomHead, RoomState, SnapshotQuery
from parlour.gateway.app.ports import History, Unsubscribe
from parlour.gateway.app.sessions.session import RoomMember
from parlour.gateway.domain.encoded_event import StayEnd, stay_end_of
from parlour.gateway.domain.room_mirror import RoomMirror
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import BrokenHistory, empty_room
from parlour.runtime.telemetry.logging import logger

from .cursor import Cursor
from .fanout import Fanout
from .members import RETRY_S, MemberDelivery

EARLY_EVENTS = 2048
"""Most events that may wait for a missing one; beyond it they are read from the record again."""
GAP_PATIENCE_S = 0.03
"""Services publish concurrently, so neighbouring events often arrive swapped; a gap that lasts longer is read from the record."""
REACH_WITHIN_S = 4.0
"""How long a login or a reader waits for the mirror to reach a position."""
CATCH_UP_EVENTS = 500
"""A mirror that lacks more events than this takes a snapshot."""

log = logger(__name__)
StayEndHandler = Callable[[RoomMember, StayEnd], None]


class RoomFeed:
    """A room, over all its calls. `on_stay_end` is called with each member whose stay is over."""

    def __init__(self, app: int, room: str, history: History, on_stay_end: StayEndHandler) -> None:
        self.app = app
        self.room = room
        self.mirror: RoomMirror | None = None
        """The room as known here; None until its first event or snapshot."""
        self.fanout = Fanout(room)
        self.members: dict[str, MemberDelivery] = {}
        """Members whose sessions are here, by session id."""
        self.followers: set[asyncio.Event] = set()
        """Events of readers who are no members, set when the mirror is replaced."""
        self.wakers: set[asyncio.Event] = set()
        """Those of `followers` that are also set by each event of the room."""
        self.resets = 0
        """How often the history diverged or a person was erased."""
        self.unsubscribe: Unsubscribe | None = None
        self.idle_since = 0.0
        self._history = history
        self._on_stay_end = on_stay_end
        self._early: dict[tuple[str, int], EventView] = {}
        self._goal: tuple[str, int] = ("", 0)
        self._waiters: list[tuple[str, int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def is_used(self) -> bool:
        """Whether somebody is in the room here, or follows it."""
        return bool(self.members or self.followers)

    def add_member(self, member: RoomMember) -> None:
        """Delivers to a member from the mirror's position on. The delivery to an earlier membership of the session ends."""
        assert self.mirror is not None, "the room was reached"
        before = self.members.pop(member.session.session_id, None)
        if before is not None:
            before.close()
        cursor = Cursor(self._history, self.app, self.room, self.mirror.position, self)
        self.members[member.session.session_id] = MemberDelivery(member, cursor, self.fanout)

    def receive(self, view: EventView) -> None:
        """Takes an event from NATS or from the record."""
        state = self.mirror.state if self.mirror else None
        if state is not None and view.room_uid == state.room_uid:
            if view.seq > state.seq:
                self._take(view)
            return
        if state is not None and view.room_uid < state.room_uid:
            return  # an event of an earlier call, repeated
        if view.seq == 1 and (state is None or not state.open):
            self._replace_mirror(empty_room(self.app, self.room, view.room_uid))
            self._resync("limit")
            self._take(view)
            return
        self._early[view.room_uid, view.seq] = view
        if state is not None or self.is_used or self._waiters:
            self._seek(view.room_uid, view.seq)

    def on_loss(self) -> None:
        """Reads from the record what NATS may have dropped."""
        if self.mirror is not None:
            self._seek(self.mirror.state.room_uid, self.mirror.state.seq + 1)

    def check_head(self, head: RoomHead) -> None:
        """Compares the mirror with the room's head by the record, and fetches what is missing."""
        if self.mirror is None or head.room_uid < self.mirror.state.room_uid:
            return
        if head.room_uid == self.mirror.state.room_uid:
            known = self.mirror.buffer.hash8_at(head.seq)
            if known is not None and known != head.hash8:
                self._reload_soon("diverged")
            if head.seq <= self.mirror.state.seq:
                return
        self._seek(head.room_uid, head.seq)

    def forget_user(self, actor: str) -> None:
        """Forgets a user whose key is destroyed: what this gateway knows of the room is read again, and its clients restart."""
        if self.mirror is not None and self.mirror.mentions(actor):
            self.fanout.flush()
            self.mirror.buffer.clear()
            self._goal = max(self._goal, (self.mirror.state.room_uid, self.mirror.state.seq))
            self._reload_soon("diverged")

    async def reach(self, room_uid: str, seq: int) -> RoomMirror:
        """Returns the mirror once it stands at this seq of this call, or later. `Rejection` after `REACH_WITHIN_S`."""
        if not self._has_reached(room_uid, seq):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((room_uid, seq, future))
            self._seek(room_uid, seq, patience_s=GAP_PATIENCE_S if self.mirror else 0.0)
            try:
                async with asyncio.timeout(REACH_WITHIN_S):
                    await future
            except TimeoutError:
                raise Rejection(Code.UNAVAILABLE, "the room's events can't be read now", hint="try again") from None
            finally:
                self._waiters = [waiter for waiter in self._waiters if waiter[2] is not future]
        assert self.mirror is not None
        return self.mirror

    def close(self) -> None:
        """Ends all deliveries, since nobody uses the room here any more."""
        if self._task is not None:
            self._task.cancel()
        for delivery in self.members.values():
            delivery.close()

    def _take(self, view: EventView) -> None:
        """Applies an event of the mirror's call, and those that waited for it; an event behind a gap waits itself."""
        assert self.mirror is not None
        if view.seq != self.mirror.state.seq + 1:
            self._early[view.room_uid, view.seq] = view
            self._seek(view.room_uid, view.seq)
            return
        following: EventView | None = view
        while following is not None:
            if not self._apply(following):
                return
            following = self._early.pop((following.room_uid, following.seq + 1), None)
        self._wake_waiters()

    def _apply(self, view: EventView) -> bool:
        mirror = self.mirror
        assert mirror is not None
        try:
            event = mirror.apply(view)
        except BrokenHistory:
            log.error("history_diverged", room_uid=view.room_uid, seq=view.seq)
            self._reload_soon("diverged")
            return False
        stay_end = stay_end_of(view)
        if stay_end is not None:
            self._end_stays(stay_end)
        self.fanout.append(event)
        for waker in self.wakers:
            waker.set()
        return True

    def _replace_mirror(self, state: RoomState) -> None:
        self.fanout.clear()
        self.mirror = RoomMirror(state)
        for follower in self.followers:
            follower.set()

    def _has_reached(self, room_uid: str, seq: int) -> bool:
        return self.mirror is not None and (self.mirror.state.room_uid, self.mirror.state.seq) >= (room_uid, seq)

    def _wake_waiters(self) -> None:
        for room_uid, seq, future in self._waiters:
            if not future.done() and self._has_reached(room_uid, seq):
                future.set_result(None)

    def _end_stays(self, stay_end: StayEnd) -> None:
        self.fanout.flush()
        over = tuple(self.members) if not stay_end.session_id else (stay_end.session_id,)
        for delivery in [self.members.pop(one) for one in over if one in self.members]:
            delivery.close()
            self._on_stay_end(delivery.member, stay_end)

    def _seek(self, room_uid: str, seq: int, patience_s: float = GAP_PATIENCE_S) -> None:
        """Starts to bring the mirror to this seq of this call, unless that is under way."""
        self._goal = max(self._goal, (room_uid, seq))
        if len(self._early) > EARLY_EVENTS:
            self._early.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._catch_up(patience_s))

    def _reload_soon(self, reason: str) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._persist(lambda: self._reload(reason)))

    async def _catch_up(self, patience_s: float) -> None:
        if patience_s:
            await asyncio.sleep(patience_s)
        while self._goal[0] and not self._has_reached(*self._goal):
            await self._persist(self._fetch)

    async def _persist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Repeats a step until the record answers; `reach` has a time limit of its own."""
        while True:
            try:
                await step()
                return
            except Rejection as rejection:
                log.warning("feed_waits", code=rejection.problem.code)
                if not self.is_used and not self._waiters:
                    self._goal = ("", 0)
                    return
            await asyncio.sleep(RETRY_S)

    async def _fetch(self) -> None:
        """Takes one step towards the goal: a page of events, or a snapshot where that is shorter."""
        room_uid, seq = self._goal
        mirror = self.mirror
        if mirror is None or mirror.state.room_uid != room_uid or seq - mirror.state.seq > CATCH_UP_EVENTS:
            await self._reload("limit")
            return
        state = mirror.state
        page = await self._history.replay(
            self.app, self.room, ReplayQuery(state.room_uid, state.seq, CATCH_UP_EVENTS, state.hash[:16])
        )
        if page.diverged:
            await self._reload("diverged")
            return
        for view in page.events:
            self.receive(view)
        if not page.events and self._goal == (room_uid, seq) and not self._has_reached(room_uid, seq):
            self._goal = ("", 0)  # the record, which is the truth, has nothing there
        self._wake_waiters()

    async def _reload(self, reason: str) -> None:
        """Replaces the mirror by a snapshot of the record."""
        room_uid, seq = self._goal
        answer = await self._history.snapshot(self.app, self.room, SnapshotQuery(room_uid=room_uid, min_seq=seq))
        state = answer.state
        if state is None:
            self._goal = ("", 0)
            return
        if reason != "diverged" and self._has_reached(state.room_uid, state.seq):
            self._wake_waiters()
            return
        first = self.mirror is None
        self._replace_mirror(state)
        self._early = {key: v for key, v in self._early.items() if key > (state.room_uid, state.seq)}
        if not first:
            self._resync(reason)
        following = self._early.pop((state.room_uid, state.seq + 1), None)
        if following is not None:
            self._take(following)
        self._wake_waiters()

    def _resync(self, reason: str) -> None:
        """Restarts the deliveries that the new mirror does not continue; members that it does not know have left the room."""
        assert self.mirror is not None
        for session_id, delivery in tuple(self.members.items()):
            if self.mirror.actor_of(session_id) is None:
                self._end_stays(StayEnd(session_id, int(Code.SESSION_UNKNOWN), "the session left the room"))
            else:
                delivery.reset(reason)
        self.resets += reason == "diverged"
