"""How far an endpoint's events are delivered: which are in memory, which rooms have a backlog, and what to store.

Contract: `take` every event of a shard in order; deliver what `next_event` gives and call `mark_delivered` or `mark_failed`; store what
`take_changes` gives in one transaction. A `Progress` made anew from what was stored goes on without missing an event.

Rules:
1. A room has one event under way at a time, and its next one begins only when that is delivered: order per room.
2. A room whose event failed gets a backlog, which reads the room's log from there on by itself. Other rooms go on.
3. A shard's cursor stands before the first event in memory; backlogs are stored with it, so that what lies behind a cursor is delivered
   or in a backlog.
4. A backlog ends when it has come to where its shard is read: from there on `take` brings the room's events.
5. Memory is bounded: `EVENTS_IN_MEMORY` events, `BACKLOGS_MOST` rooms with a backlog; at more, nothing is taken.
6. Ranges of one call that are sent again go one after the other, the earliest first: in order among themselves.
7. A backlog whose last attempt got no answer at all may be due early when the endpoint answers others: once between two attempts that
   were due by themselves, and without changing when the next of those is due.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

import msgspec

from parlour.kernel.log import Record

from .attempts import REFUSED

EVENTS_IN_MEMORY = 512
"""Events of at most a few kilobytes each."""
BACKLOGS_MOST = 256
"""Rooms with a backlog: an endpoint that is down stops its cursors here instead of filling a table."""


class RoomBacklog(msgspec.Struct):
    """Events of one call that are delivered from its log: those since a failure, or a range that is sent again.

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
    """Position of the call's last event that `take` left to this backlog. Not stored: after a start, the cursor."""
    scheduled_s: float | None = None
    """When the next attempt was due before it was made due early (rule 7). Not stored, as `early_after` is not."""
    early_after: int = 0
    """The number of failed attempts after which one was made due early."""

    @property
    def may_retry_early(self) -> bool:
        """Rule 7: its last attempt got no answer, and no attempt since the last that was due by itself was an early one."""
        return self.attempts > self.early_after and not self.error.startswith(REFUSED)


class Changes(msgspec.Struct, frozen=True):
    """What to store: cursors that moved, backlogs that are new or changed, and the ids of those that ended."""

    cursors: dict[int, int]
    backlogs: tuple[RoomBacklog, ...]
    ended: tuple[UUID, ...]


class Progress:
    """See the module. One per endpoint, made by its worker; not for several threads."""

    def __init__(self, cursors: Mapping[int, int], backlogs: Iterable[RoomBacklog] = ()) -> None:
        self._stored = dict(cursors)
        self._read = dict(cursors)
        self._rooms: OrderedDict[UUID, deque[Record]] = OrderedDict()
        self._shards: dict[int, OrderedDict[int, None]] = {}
        self._busy: set[UUID] = set()
        self.backlogs: dict[UUID, RoomBacklog] = {}
        self._changed: set[UUID] = set()
        self._ended: set[UUID] = set()
        self.in_memory = 0
        for backlog in backlogs:
            self.add_backlog(backlog)
        self._changed.clear()

    # what comes in

    @property
    def is_full(self) -> bool:
        """Rule 5: whether nothing may be taken now."""
        with_backlog = sum(backlog.to is None for backlog in self.backlogs.values())
        return self.in_memory >= EVENTS_IN_MEMORY or with_backlog >= BACKLOGS_MOST

    def read_to(self, p: int) -> int:
        """Returns the position up to which a shard is taken."""
        return self._read.get(p, 0)

    def take(self, p: int, records: Iterable[Record], wanted: Callable[[Record], bool]) -> None:
        """Takes the next events of a shard, all of them; those not wanted only move the cursor."""
        shard = self._shards.setdefault(p, OrderedDict())
        for record in records:
            self._read[p] = record.pos
            if not wanted(record):
                continue
            backlog = self.backlogs.get(record.log.uid)
            if backlog is not None:
                backlog.skipped = record.pos
                continue
            self._rooms.setdefault(record.log.uid, deque()).append(record)
            shard[record.pos] = None
            self.in_memory += 1

    def add_backlog(self, backlog: RoomBacklog) -> None:
        """Adds a backlog from the store, or a range that an operator wants sent again."""
        if backlog.id not in self.backlogs:
            backlog.skipped = self.read_to(backlog.p)
            self.backlogs[backlog.id] = backlog
            self._changed.add(backlog.id)

    # events in memory

    def next_event(self) -> Record | None:
        """Returns the next event of a room that has none under way, and begins it; rooms are served round robin."""
        for room_uid, events in self._rooms.items():
            if room_uid not in self._busy:
                self._busy.add(room_uid)
                self._rooms.move_to_end(room_uid)
                return events[0]
        return None

    def mark_delivered(self, record: Record) -> None:
        """Ends a begun event that arrived."""
        room_uid = record.log.uid
        events = self._rooms[room_uid]
        self._release(events.popleft())
        self._busy.discard(room_uid)
        if not events:
            del self._rooms[room_uid]

    def mark_failed(self, record: Record) -> RoomBacklog:
        """Ends a begun event that did not arrive; returns the backlog that its room has from here on (rule 2)."""
        backlog = RoomBacklog(record.log.uid, record.log.uid, record.p, record.seq - 1)
        for left in self._rooms.pop(record.log.uid):
            backlog.skipped = left.pos
            self._release(left)
        self._busy.discard(record.log.uid)
        self.backlogs[backlog.id] = backlog
        self._changed.add(backlog.id)
        self._ended.discard(backlog.id)
        return backlog

    def _release(self, record: Record) -> None:
        self.in_memory -= 1
        self._shards[record.p].pop(record.pos, None)

    # backlogs

    def next_backlog(self, now_s: float) -> RoomBacklog | None:
        """Returns the backlog that is due the longest and not under way, and begins it."""
        due = [backlog for backlog in self.waiting_backlogs() if backlog.due_s <= now_s]
        if not due:
            return None
        backlog = min(due, key=lambda one: one.due_s)
        self._busy.add(backlog.id)
        return backlog

    def next_due_s(self) -> float | None:
        """Returns when the next waiting backlog is due."""
        return min((backlog.due_s for backlog in self.waiting_backlogs()), default=None)

    def waiting_backlogs(self) -> list[RoomBacklog]:
        """Returns the backlogs that are not under way and wait for no other range of their call (rule 6)."""
        first: dict[UUID, RoomBacklog] = {}
        for backlog in self.backlogs.values():
            if backlog.to is not None:
                before = first.setdefault(backlog.room_uid, backlog)
                if self._precedence(backlog) < self._precedence(before):
                    first[backlog.room_uid] = backlog
        ready = (one for one in self.backlogs.values() if one.to is None or first[one.room_uid] is one)
        return [backlog for backlog in ready if backlog.id not in self._busy]

    def _precedence(self, backlog: RoomBacklog) -> tuple[bool, int, int]:
        """Orders the ranges of a call: one under way stays the first, then the one that begins earliest."""
        return backlog.id not in self._busy, backlog.after, backlog.to or 0

    def advance(self, backlog: RoomBacklog, seq: int) -> None:
        """Everything up to `seq` of the backlog has arrived, or was not wanted, or is a dead letter."""
        backlog.after, backlog.attempts, backlog.since_s, backlog.error = max(backlog.after, seq), 0, None, ""
        backlog.scheduled_s, backlog.early_after = None, 0
        self._changed.add(backlog.id)

    def pause(self, backlog: RoomBacklog, due_s: float) -> None:
        """Ends a begun backlog's attempts until `due_s`."""
        backlog.due_s, backlog.scheduled_s = due_s, None
        self._busy.discard(backlog.id)
        if backlog.id in self.backlogs:
            self._changed.add(backlog.id)

    def end_if_done(self, backlog: RoomBacklog, read_before: int) -> bool:
        """Ends the backlog if nothing is left to it, and returns whether it did.

        `read_before` is how far its shard was taken before the room's log was read to its end.
        """
        done = backlog.after >= backlog.to if backlog.to is not None else backlog.skipped <= read_before
        if done:
            del self.backlogs[backlog.id]
            self._busy.discard(backlog.id)
            self._changed.discard(backlog.id)
            self._ended.add(backlog.id)
        return done

    def retry_early(self, now_s: float) -> None:
        """Makes the backlogs that may be due now, since the endpoint answers again (rule 7)."""
        for backlog in self.backlogs.values():
            if backlog.due_s > now_s and backlog.may_retry_early and backlog.id not in self._busy:
                backlog.scheduled_s, backlog.early_after, backlog.due_s = backlog.due_s, backlog.attempts, now_s

    # what goes out

    def take_changes(self) -> Changes:
        """Returns what changed since the last call."""
        moved = {p: at for p in self._read if (at := self._cursor(p)) > self._stored.get(p, 0)}
        self._stored |= moved
        backlogs = tuple(msgspec.structs.replace(self.backlogs[id_]) for id_ in self._changed)
        ended = tuple(self._ended)
        self._changed.clear()
        self._ended.clear()
        return Changes(moved, backlogs, ended)

    def _cursor(self, p: int) -> int:
        shard = self._shards.get(p)
        return next(iter(shard)) - 1 if shard else self._read[p]
