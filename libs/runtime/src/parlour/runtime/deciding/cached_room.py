"""One room's state in a service's memory: the committed state, and the speculative state with uncommitted proposals on top of it.

The committed state advances by events in the order of `seq`, each of which must cite the hash before it; events that arrive early wait in
a buffer. The speculative state is kept, and folded again only when something else than the oldest proposal advanced the committed state.
"""

import asyncio
import time
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from parlour.contracts.envelope import EventView
from parlour.contracts.events import BY_TAG, RoomClosed
from parlour.kernel.decider import Aggregate
from parlour.kernel.log import Append, LogHead, LogKey

MAX_EARLY_EVENTS = 256
"""Most events that wait for an earlier one; with more, the log is read."""
MAX_GAP_S = 1.0
"""How long NATS may take to deliver a missing event before the log is read."""
GENESIS_HASH = "0" * 64

S = TypeVar("S")


class Snapshot(msgspec.Struct, Generic[S], frozen=True):
    """A state at one version of the service's aggregate."""

    key: LogKey | None
    state: S
    version: int
    open: bool


class Proposal:
    """Decided events that the committed state does not have yet; `confirmed` counts those that it has by now."""

    def __init__(self, room: "CachedRoom[Any]", append: Append, command_id: str) -> None:
        self.append = append
        self.command_id = command_id
        self.confirmed = 0
        self.resolved = asyncio.Event()
        self._room = room

    def commit(self) -> None:
        """The log has the events: they leave the proposal as the committed state gets them."""
        self.resolved.set()

    def fail(self, *, unknown: bool) -> None:
        """The log does not have the events; with `unknown`, it may have them and must be read."""
        self.resolved.set()
        self._room.withdraw(self, unknown=unknown)


class CachedRoom(Generic[S]):
    """The state of one room name, over the calls that it had."""

    def __init__(self, app: int, room: str, aggregate: Aggregate[S]) -> None:
        self.app = app
        self.room = room
        self._aggregate = aggregate
        self.loaded = False
        self.seq = 0
        self.hash: str = GENESIS_HASH
        self.proposals: list[Proposal] = []
        self.read_lock = asyncio.Lock()
        self.reads = 0
        self._uid = ""
        self._committed: Snapshot[S] = Snapshot(None, aggregate.initial, 0, False)
        self._speculative: Snapshot[S] | None = self._committed
        self._early: dict[int, EventView] = {}
        self._gap_since = 0.0
        self._stale = False

    @property
    def evictable(self) -> bool:
        """False while proposals are uncommitted or the log is being read."""
        return not self.proposals and not self.read_lock.locked()

    def needs_read(self, follows_events: bool) -> bool:
        """Returns whether the log must be read before the next decision."""
        if not self.loaded or self._stale:
            return True
        return bool(self._early) and (not follows_events or time.monotonic() - self._gap_since > MAX_GAP_S)

    def reset(self) -> None:
        """Drops the state, with all texts that were opened for it: the next decision reads the log from its first event."""
        self._begin(self._committed.key)
        self.loaded = False

    def mark_stale(self) -> None:
        """Makes the next decision read the log, since events may have been missed."""
        self._stale = True

    def contains(self, uid: str, seq: int) -> bool:
        """Returns whether the committed state has an event."""
        return uid == self._uid and seq <= self.seq

    # reading the log

    def begin_read(self) -> None:
        """A read begins: whatever marks the state stale from now on asks for another one."""
        self._stale = False

    def apply_head(self, head: LogHead | None, seq_before: int) -> None:
        """Drops a state that contradicts the log's head, which was queried when the state was at `seq_before`."""
        key = self._committed.key
        if head is None or key is None or key.uid != head.log.uid or head.seq < seq_before:
            self._begin(None if head is None else head.log)
        elif head.seq == self.seq and head.hash.hex() != self.hash:
            self._begin(head.log)
        self.loaded = True

    def end_read(self) -> None:
        """The read is complete."""
        self.reads += 1
        if not self._early:
            self._gap_since = 0.0

    async def wait_for_proposals(self) -> None:
        """Waits until each proposal of now is committed or failed."""
        for proposal in tuple(self.proposals):
            await proposal.resolved.wait()

    # events

    def apply(self, view: EventView) -> None:
        """Applies an event of the log, in any order: early events are buffered, events that are already applied are dropped."""
        key = self._committed.key
        if view.room_uid != self._uid:
            if view.seq != 1:
                self._stale = True
                return
            if key is not None and self._committed.open:
                self._stale = True
            self._begin(LogKey(self.app, self.room, UUID(view.room_uid)))
        if view.seq <= self.seq:
            return
        if view.seq > self.seq + 1:
            self._buffer(view)
            return
        self._apply_next(view)
        while (next_view := self._early.pop(self.seq + 1, None)) is not None:
            self._apply_next(next_view)

    def _begin(self, key: LogKey | None) -> None:
        self._committed = Snapshot(key, self._aggregate.initial, 0, key is not None)
        self.seq, self.hash = 0, GENESIS_HASH
        self._uid = "" if key is None else str(key.uid)
        self._early.clear()
        self._speculative = None
        uid = None if key is None else key.uid
        self.proposals = [
            p for p in self.proposals if not p.resolved.is_set() or p.append.creates or p.append.log.uid == uid
        ]

    def _buffer(self, view: EventView) -> None:
        if not self._early:
            self._gap_since = time.monotonic()
        self._early[view.seq] = view
        if len(self._early) > MAX_EARLY_EVENTS:
            self._early.clear()
            self._stale = True

    def _apply_next(self, view: EventView) -> None:
        if view.prev != self.hash:
            self._begin(self._committed.key)
            self._stale = True
            return
        expected = self._confirm(view)
        self._committed = self._evolve_committed(self._committed, view)
        self.seq, self.hash = view.seq, view.hash
        if not expected:
            self._speculative = None

    def _confirm(self, view: EventView) -> bool:
        """Takes an own event off its proposal; returns whether it was the oldest one's, so that the speculative state stays valid."""
        for place, proposal in enumerate(self.proposals):
            events = proposal.append.events
            if proposal.command_id == view.command_id and view.type == events[proposal.confirmed].TAG:
                proposal.confirmed += 1
                if proposal.confirmed == len(events):
                    del self.proposals[place]
                return place == 0
        return False

    def _evolve_committed(self, snapshot: Snapshot[S], view: EventView) -> Snapshot[S]:
        kind = BY_TAG.get(view.type)
        own = self._aggregate
        if kind is None or not own.folds(kind.AGGREGATE):
            return snapshot
        state = own.evolve(snapshot.state, msgspec.json.decode(view.data, type=kind))
        version = view.version if own.name == kind.AGGREGATE and view.version else snapshot.version
        return Snapshot(snapshot.key, state, version, snapshot.open and view.type != RoomClosed.TAG)

    # proposals

    def propose(self, append: Append, command_id: str) -> Proposal:
        """Applies a unit's events to the speculative state."""
        speculative = self._apply_append(self.speculative(), append)
        proposal = Proposal(self, append, command_id)
        if append.events:
            self.proposals.append(proposal)
            self._speculative = speculative
        return proposal

    def withdraw(self, proposal: Proposal, *, unknown: bool) -> None:
        """Removes a failed proposal; `unknown`: the log may have its events all the same."""
        if proposal in self.proposals:
            self.proposals.remove(proposal)
            self._speculative = None
        self._stale = self._stale or unknown

    def speculative(self) -> Snapshot[S]:
        """Returns the committed state with all proposals applied."""
        if self._speculative is None:
            snapshot = self._committed
            for proposal in self.proposals:
                snapshot = self._apply_append(snapshot, proposal.append, proposal.confirmed)
            self._speculative = snapshot
        return self._speculative

    def committed(self) -> Snapshot[S]:
        """Returns the state that the log is known to have."""
        return self._committed

    def _apply_append(self, snapshot: Snapshot[S], append: Append, confirmed: int = 0) -> Snapshot[S]:
        if append.creates and not confirmed:
            snapshot = Snapshot(append.log, self._aggregate.initial, 0, True)
        if snapshot.key is None or snapshot.key.uid != append.log.uid:
            return snapshot
        state = snapshot.state
        events = append.events[confirmed:]
        for event in events:
            state = self._aggregate.evolve(state, event)
        own = append.aggregate == self._aggregate.name and append.expected is not None
        version = snapshot.version + (len(events) if own else 0)
        return Snapshot(snapshot.key, state, version, snapshot.open and not append.closes)
