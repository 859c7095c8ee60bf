"""One room's state in a service's memory: what the log is known to have, and on top of it the drafts under way.

The confirmed part moves by events in the order of `seq`, each citing the hash before it; what comes early waits. The tip is the confirmed
state with the proposals applied; it is kept, and folded anew only when something other than the oldest proposal moved the confirmed part.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from parlour.contracts.envelope import EventView
from parlour.contracts.events import BY_TAG, Event, RoomClosed
from parlour.kernel.log import LogHead, LogKey

from .drafts import Change

EARLY = 256
"""Events that may wait for an earlier one; beyond that the log is read."""
PATIENCE_S = 1.0
"""How long a gap may wait for NATS to fill it."""
NO_HASH = "0" * 64
_NOBODY = UUID(int=0)

S = TypeVar("S")


class Tip(msgspec.Struct, Generic[S], frozen=True):
    """A state to decide on."""

    key: LogKey | None
    state: S
    version: int
    open: bool


class Proposal:
    """Events that were decided and are not yet seen in the log; `seen` counts those that are."""

    def __init__(self, folding: "Folding[Any]", change: Change, command_id: str) -> None:
        self.change = change
        self.command_id = command_id
        self.seen = 0
        self.settled = asyncio.Event()
        self._folding = folding

    def committed(self) -> None:
        """The events are in the log; they leave the proposal as they are seen there."""
        self.settled.set()

    def failed(self, *, doubt: bool) -> None:
        """They are not (or nobody knows, with `doubt`)."""
        self.settled.set()
        self._folding.withdraw(self, doubt=doubt)


class Folding(Generic[S]):
    """The state of one room name, over its lives."""

    def __init__(
        self,
        app: int,
        room: str,
        aggregate: str,
        wanted: frozenset[str],
        initial: Callable[[LogKey], S],
        evolve: Callable[[S, Event], S],
        absent: Callable[[], S] | None,
    ) -> None:
        self.app = app
        self.room = room
        self._aggregate = aggregate
        self._wanted = wanted
        self._initial = initial
        self._evolve = evolve
        nobody = LogKey(app, room, _NOBODY)
        self._absent = absent or (lambda: initial(nobody))
        self.unread = True
        self.seq = 0
        self.hash: str = NO_HASH
        self.proposals: list[Proposal] = []
        self.reading = asyncio.Lock()
        self.refreshes = 0
        self._uid = ""
        self._confirmed: Tip[S] = Tip(None, self._absent(), 0, False)
        self._tip: Tip[S] | None = self._confirmed
        self._early: dict[int, EventView] = {}
        self._gap_since = 0.0
        self._doubtful = False

    @property
    def busy(self) -> bool:
        """Must stay in memory."""
        return bool(self.proposals) or self.reading.locked()

    def behind(self, follows: bool) -> bool:
        """Whether the log should be read before the next decision."""
        if self.unread or self._doubtful:
            return True
        return bool(self._early) and (not follows or time.monotonic() - self._gap_since > PATIENCE_S)

    def refold(self) -> None:
        """Forgets what was opened: the log is read from the beginning before the next decision."""
        self._begin(self._confirmed.key)
        self.unread = True

    def doubt(self) -> None:
        """Something may have been missed."""
        self._doubtful = True

    def knows(self, uid: str, seq: int) -> bool:
        """Whether an event is already in the confirmed state."""
        return uid == self._uid and seq <= self.seq

    # reading the log

    def refreshing(self) -> None:
        """A read begins: doubts that come up from now on are new ones."""
        self._doubtful = False

    def start(self, head: LogHead | None, seq_before: int) -> None:
        """The log's latest life, asked for when the state was at `seq_before`; a state that it contradicts is dropped."""
        key = self._confirmed.key
        if head is None or key is None or key.uid != head.log.uid or head.seq < seq_before:
            self._begin(None if head is None else head.log)
        elif head.seq == self.seq and head.hash.hex() != self.hash:
            self._begin(head.log)
        self.unread = False

    def refreshed(self) -> None:
        """A read is complete."""
        self.refreshes += 1
        if not self._early:
            self._gap_since = 0.0

    async def settled(self) -> None:
        """Waits for the drafts that are under way now."""
        for proposal in tuple(self.proposals):
            await proposal.settled.wait()

    # events

    def offer(self, view: EventView) -> None:
        """An event that is in the log; early ones wait, known ones are dropped."""
        key = self._confirmed.key
        if view.room_uid != self._uid:
            if view.seq != 1:
                self._doubtful = True
                return
            if key is not None and self._confirmed.open:
                self._doubtful = True
            self._begin(LogKey(self.app, self.room, UUID(view.room_uid)))
        if view.seq <= self.seq:
            return
        if view.seq > self.seq + 1:
            self._keep(view)
            return
        self._take(view)
        while (following := self._early.pop(self.seq + 1, None)) is not None:
            self._take(following)

    def _begin(self, key: LogKey | None) -> None:
        self._confirmed = Tip(key, self._absent() if key is None else self._initial(key), 0, key is not None)
        self.seq, self.hash = 0, NO_HASH
        self._uid = "" if key is None else str(key.uid)
        self._early.clear()
        self._tip = None
        uid = None if key is None else key.uid
        self.proposals = [
            p for p in self.proposals if not p.settled.is_set() or p.change.creates or p.change.log.uid == uid
        ]

    def _keep(self, view: EventView) -> None:
        if not self._early:
            self._gap_since = time.monotonic()
        self._early[view.seq] = view
        if len(self._early) > EARLY:
            self._early.clear()
            self._doubtful = True

    def _take(self, view: EventView) -> None:
        if view.prev != self.hash:
            self._begin(self._confirmed.key)
            self._doubtful = True
            return
        kept = self._see(view)
        self._confirmed = self._after(self._confirmed, view)
        self.seq, self.hash = view.seq, view.hash
        if not kept:
            self._tip = None

    def _see(self, view: EventView) -> bool:
        """Moves an own event from its proposal to the confirmed part; whether the tip stays what it was."""
        for place, proposal in enumerate(self.proposals):
            change = proposal.change
            if proposal.command_id == view.command_id and view.type == change.events[proposal.seen].TAG:
                proposal.seen += 1
                if proposal.seen == len(change.events):
                    del self.proposals[place]
                return place == 0
        return False

    def _after(self, tip: Tip[S], view: EventView) -> Tip[S]:
        kind = BY_TAG.get(view.type)
        if kind is None or (kind.AGGREGATE not in self._wanted):
            return tip
        state = self._evolve(tip.state, msgspec.json.decode(view.data, type=kind))
        version = view.version if self._aggregate == kind.AGGREGATE and view.version else tip.version
        return Tip(tip.key, state, version, tip.open and view.type != RoomClosed.TAG)

    # proposals

    def propose(self, change: Change, command_id: str) -> Proposal:
        """Puts a draft's events on top."""
        tip = self._on_top(self.tip(), change)
        proposal = Proposal(self, change, command_id)
        if change.events:
            self.proposals.append(proposal)
            self._tip = tip
        return proposal

    def withdraw(self, proposal: Proposal, *, doubt: bool) -> None:
        """A proposal failed."""
        if proposal in self.proposals:
            self.proposals.remove(proposal)
            self._tip = None
        self._doubtful = self._doubtful or doubt

    def tip(self) -> Tip[S]:
        """The state to decide on."""
        if self._tip is None:
            tip = self._confirmed
            for proposal in self.proposals:
                tip = self._on_top(tip, proposal.change, proposal.seen)
            self._tip = tip
        return self._tip

    def confirmed(self) -> Tip[S]:
        """What the log is known to have."""
        return self._confirmed

    def _on_top(self, tip: Tip[S], change: Change, seen: int = 0) -> Tip[S]:
        if change.creates and not seen:
            tip = Tip(change.log, self._initial(change.log), 0, True)
        if tip.key is None or tip.key.uid != change.log.uid:
            return tip
        state = tip.state
        left = change.events[seen:]
        for event in left:
            state = self._evolve(state, event)
        own = change.aggregate == self._aggregate and change.expected is not None
        return Tip(tip.key, state, tip.version + (len(left) if own else 0), tip.open and not change.closes)
