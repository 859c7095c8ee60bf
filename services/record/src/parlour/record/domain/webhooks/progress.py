"""How far an endpoint's events are delivered: what is in hand, which rooms lag, and what to write down.

The contract: `take` what a shard holds, in order; `begin` a room's next event, then tell `delivered` or `failed`; `changes` is what to
store, all of it in one transaction, and a `Progress` made anew from what was stored goes on without missing an event.

Rules:
1. A room has one event under way at a time, and its next one begins only when that is delivered: order per room.
2. A room whose event failed lags: it gets a lane, which reads the room's log from there on by itself. Other rooms go on.
3. A shard's cursor stands before the first event in hand; lanes are stored with it, so that what lies behind a cursor is delivered or a
   lane has it.
4. A lane ends when it has come to where its shard is read: from there on `take` brings the room's events.
5. What is held is bounded: `HAND_MOST` events in hand, `LANES_MOST` rooms that lag; at more, nothing is taken.
6. Ranges of one life that are sent again go one after the other, the earliest first: in order among themselves.
7. A lane whose last attempt got no answer at all may be made due early when the endpoint answers others: once between two attempts that
   were due by themselves, and without changing when the next of those is due.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

import msgspec

from parlour.kernel.log import Record

from .attempts import REFUSED

HAND_MOST = 512
"""Events of at most a few kilobytes each."""
LANES_MOST = 256
"""Rooms that lag: an endpoint that is down stops its cursors here instead of filling a table."""


class RoomBacklog(msgspec.Struct):
    """A room that is delivered from the log by itself: one that lags, or a range that is sent again.

    Events after `after` are wanted, up to `to` (None: until the shard's cursor is reached). `attempts` failed so far, the first at
    `since_s`; the next is due at `due_s` (unix seconds).
    """

    id: UUID
    room_uid: UUID
    p: int
    after: int
    to: int | None = None
    attempts: int = 0
    since_s: float | None = None
    due_s: float = 0.0
    error: str = ""
    skipped: int = 0
    """Position of the room's last event that `take` left to this lane. Not stored: after a start, the cursor."""
    scheduled_s: float | None = None
    """When the next attempt was due before it was made due early (rule 7). Not stored, as `hastened_after` is not."""
    hastened_after: int = 0
    """The number of failed attempts after which one was made due early."""

    @property
    def may_hasten(self) -> bool:
        """Rule 7: its last attempt got no answer, and no attempt since the last that was due by itself was an early one."""
        return self.attempts > self.hastened_after and not self.error.startswith(REFUSED)


class Changes(msgspec.Struct, frozen=True):
    """What to store: cursors that moved, lanes that are new or changed, and the ids of those that ended."""

    cursors: dict[int, int]
    lanes: tuple[RoomBacklog, ...]
    ended: tuple[UUID, ...]


class Progress:
    """See the module. One per endpoint; not for several threads."""

    def __init__(self, cursors: Mapping[int, int], lanes: Iterable[RoomBacklog] = ()) -> None:
        self._stored = dict(cursors)
        self._read = dict(cursors)
        self._rooms: OrderedDict[UUID, deque[Record]] = OrderedDict()
        self._shards: dict[int, OrderedDict[int, None]] = {}
        self._busy: set[UUID] = set()
        self.lanes: dict[UUID, RoomBacklog] = {}
        self._changed: set[UUID] = set()
        self._ended: set[UUID] = set()
        self.in_hand = 0
        for lane in lanes:
            self.add_lane(lane)
        self._changed.clear()

    # what comes in

    @property
    def full(self) -> bool:
        """Rule 5."""
        return self.in_hand >= HAND_MOST or sum(lane.to is None for lane in self.lanes.values()) >= LANES_MOST

    def read_to(self, p: int) -> int:
        """How far a shard is read."""
        return self._read.get(p, 0)

    def take(self, p: int, records: Iterable[Record], wanted: Callable[[Record], bool]) -> None:
        """The next events of a shard, all of them; those not wanted only move the cursor."""
        shard = self._shards.setdefault(p, OrderedDict())
        for record in records:
            self._read[p] = record.pos
            if not wanted(record):
                continue
            lane = self.lanes.get(record.log.uid)
            if lane is not None:
                lane.skipped = record.pos
                continue
            self._rooms.setdefault(record.log.uid, deque()).append(record)
            shard[record.pos] = None
            self.in_hand += 1

    def add_lane(self, lane: RoomBacklog) -> None:
        """A lane from the store, or a range that somebody wants sent again."""
        if lane.id not in self.lanes:
            lane.skipped = self.read_to(lane.p)
            self.lanes[lane.id] = lane
            self._changed.add(lane.id)

    # rooms in hand

    def begin(self) -> Record | None:
        """The next event of a room that has none under way; the rooms take turns."""
        for room_uid, hand in self._rooms.items():
            if room_uid not in self._busy:
                self._busy.add(room_uid)
                self._rooms.move_to_end(room_uid)
                return hand[0]
        return None

    def delivered(self, record: Record) -> None:
        """It has arrived."""
        room_uid = record.log.uid
        hand = self._rooms[room_uid]
        self._release(hand.popleft())
        self._busy.discard(room_uid)
        if not hand:
            del self._rooms[room_uid]

    def failed(self, record: Record) -> RoomBacklog:
        """It has not: the room lags from here on."""
        lane = RoomBacklog(record.log.uid, record.log.uid, record.p, record.seq - 1)
        for held in self._rooms.pop(record.log.uid):
            lane.skipped = held.pos
            self._release(held)
        self._busy.discard(record.log.uid)
        self.lanes[lane.id] = lane
        self._changed.add(lane.id)
        self._ended.discard(lane.id)
        return lane

    def _release(self, record: Record) -> None:
        self.in_hand -= 1
        self._shards[record.p].pop(record.pos, None)

    # lanes

    def begin_lane(self, now_s: float) -> RoomBacklog | None:
        """A lane that is due and not under way: the longest due first."""
        due = [lane for lane in self.resting_lanes() if lane.due_s <= now_s]
        if not due:
            return None
        lane = min(due, key=lambda one: one.due_s)
        self._busy.add(lane.id)
        return lane

    def next_due_s(self) -> float | None:
        """When the next lane that rests is due."""
        return min((lane.due_s for lane in self.resting_lanes()), default=None)

    def resting_lanes(self) -> list[RoomBacklog]:
        """The lanes that are not under way and wait for no other of their life (rule 6)."""
        first: dict[UUID, RoomBacklog] = {}
        for lane in self.lanes.values():
            if lane.to is not None:
                before = first.setdefault(lane.room_uid, lane)
                if self._precedence(lane) < self._precedence(before):
                    first[lane.room_uid] = lane
        ready = (lane for lane in self.lanes.values() if lane.to is None or first[lane.room_uid] is lane)
        return [lane for lane in ready if lane.id not in self._busy]

    def _precedence(self, lane: RoomBacklog) -> tuple[bool, int, int]:
        """Among the ranges of a life: one under way stays the first, then the one that begins earliest."""
        return lane.id not in self._busy, lane.after, lane.to or 0

    def advanced(self, lane: RoomBacklog, seq: int) -> None:
        """Everything up to `seq` of the lane has arrived, or was not wanted, or is dead."""
        lane.after, lane.attempts, lane.since_s, lane.error = max(lane.after, seq), 0, None, ""
        lane.scheduled_s, lane.hastened_after = None, 0
        self._changed.add(lane.id)

    def rest(self, lane: RoomBacklog, due_s: float) -> None:
        """The lane is no longer under way."""
        lane.due_s, lane.scheduled_s = due_s, None
        self._busy.discard(lane.id)
        if lane.id in self.lanes:
            self._changed.add(lane.id)

    def end_if_done(self, lane: RoomBacklog, read_before: int) -> bool:
        """Ends the lane if nothing is left to it. `read_before`: how far its shard was read before the room's log was read to its end."""
        done = lane.after >= lane.to if lane.to is not None else lane.skipped <= read_before
        if done:
            del self.lanes[lane.id]
            self._busy.discard(lane.id)
            self._changed.discard(lane.id)
            self._ended.add(lane.id)
        return done

    def hasten(self, now_s: float) -> None:
        """The endpoint is back: the lanes that may are due (rule 7)."""
        for lane in self.lanes.values():
            if lane.due_s > now_s and lane.may_hasten and lane.id not in self._busy:
                lane.scheduled_s, lane.hastened_after, lane.due_s = lane.due_s, lane.attempts, now_s

    # what goes out

    def changes(self) -> Changes:
        """What changed since it was last asked."""
        moved = {p: at for p in self._read if (at := self._cursor(p)) > self._stored.get(p, 0)}
        self._stored |= moved
        lanes = tuple(msgspec.structs.replace(self.lanes[id_]) for id_ in self._changed)
        ended = tuple(self._ended)
        self._changed.clear()
        self._ended.clear()
        return Changes(moved, lanes, ended)

    def _cursor(self, p: int) -> int:
        shard = self._shards.get(p)
        return next(iter(shard)) - 1 if shard else self._read[p]
