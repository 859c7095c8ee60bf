"""The states that a service decides on: folded from the log, kept in memory, and decided on without waiting for one another's commits.

Two rules make the cache safe without leases:

1. An accepted command is proven by its append, which checks versions and claims. If the cached state was old, the append fails with `Stale`
   and the command is decided again.
2. A rejection or a no-op is returned only if it was decided on a state read from the log after the command came in, since no version check
   would catch an old state.

A command is decided on top of the uncommitted proposals of its room, in the order of the append queue. When one of those fails, the later
ones fail by their version and are decided again.

    cache = StateCache(log, people, committer, Aggregate("room", INITIAL, evolve))
    async with cache.follow_events(bus): ...
    committed = await cache.decide_and_commit(context, lambda room: decide_unit(room, command))
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, TypeVar

import msgspec

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.kernel.decider import Aggregate
from parlour.kernel.log import HEAD, Append, AppendUnit, EventLog, LogKey, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, unavailable
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.retry import RetryPolicy

from .cached_room import CachedRoom, Proposal
from .commit import Committer
from .context import ClaimRefused, CommandContext, CommitResult, Stale
from .sealing import open_records

MAX_ROOMS = 4096
"""Most states kept; the least recently used one is dropped."""
MAX_ATTEMPTS = 12
ATTEMPTS_WITHOUT_PAUSE = 3
"""After so many, another replica writes to the same room: a random pause lets one of the two go first."""
CONTENTION = RetryPolicy(first_s=0.005, max_s=1.0)
EVENTS_PER_READ = 500

S = TypeVar("S")


class RoomSnapshot(msgspec.Struct, Generic[S], frozen=True):
    """The latest call of a room as far as this process knows.

    `key` is None for a room that was never opened; `version` is that of the service's own aggregate; `seq` and `hash` are those of the
    last event that the log is known to have. `fresh`: read from the log after the command came in, without uncommitted proposals;
    otherwise those are applied.
    """

    app: int
    room: str
    key: LogKey | None
    state: S
    version: int
    open: bool
    seq: int
    hash: str
    fresh: bool

    @property
    def position(self) -> str:
        """`room_uid.seq.hash8`, empty for a room that was never opened."""
        return f"{self.key.uid}.{self.seq}.{self.hash[:16]}" if self.key else ""


@dataclass(eq=False)
class StateCache(Generic[S]):
    """Folds and keeps the states of rooms, and commits what is decided on them."""

    _log: EventLog
    _people: UserKeyStore
    committer: Committer
    _aggregate: Aggregate[S]
    _rooms: OrderedDict[tuple[int, str], CachedRoom[S]] = field(init=False, default_factory=OrderedDict)
    _follows_events: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._erasures = self._people.erasures

    async def load(self, app: int, room: str, *, fresh: bool = False) -> RoomSnapshot[S]:
        """Returns the room's state; does not suspend if it is in memory and `fresh` is False."""
        self._reset_after_erasures()
        cached = self._cached(app, room)
        if fresh or cached.needs_read(self._follows_events):
            await self._read(cached, wait_for_proposals=fresh)
        return _snapshot(cached, fresh=fresh)

    def peek(self, app: int, room: str) -> RoomSnapshot[S] | None:
        """Returns the state that is in memory, without reading the log."""
        cached = self._rooms.get((app, room))
        return None if cached is None or not cached.loaded else _snapshot(cached, fresh=False)

    def propose(self, unit: AppendUnit) -> tuple[Proposal, ...]:
        """Applies an uncommitted unit, so that later commands are decided on top of it until each proposal commits or fails."""
        return tuple(
            self._cached(append.log.app, append.log.room).propose(append, unit.command_id)
            for append in unit.appends
            if self._aggregate.folds(append.aggregate)
        )

    def apply_events(self, views: Iterable[EventView]) -> None:
        """Applies committed events, from own commits or from NATS."""
        for view in views:
            cached = self._rooms.get((view.app, view.room))
            if cached is not None and cached.loaded:
                cached.apply(view)

    async def decide_and_commit(
        self, context: CommandContext, decide: Callable[Concatenate[RoomSnapshot[S], ...], AppendUnit], *, also: tuple[str, ...] = (),
    ) -> CommitResult:  # fmt: skip
        """Loads, decides and commits a command; again if the state was not the latest, at most `MAX_ATTEMPTS` times.

        `decide` gets the snapshot of the context's room, then of each room in `also`; it returns a unit or raises `Rejection`, and never
        waits. Raises the `Rejection` of `decide` (unless this command id was committed before: then its first result counts), and
        `ClaimRefused` if a claim is refused although the state was fresh.
        """
        fresh = False
        for attempt in range(MAX_ATTEMPTS):
            if attempt >= ATTEMPTS_WITHOUT_PAUSE:
                await asyncio.sleep(CONTENTION.pause_s(attempt - ATTEMPTS_WITHOUT_PAUSE + 1))
            rooms = await self._load_all(context.app, (context.room, *also), fresh)
            all_fresh = all(room.fresh for room in rooms)
            try:
                unit = decide(rooms[0], *rooms[1:])
                conditional = _with_condition(unit, context, rooms[0])
            except Rejection:
                if not all_fresh:
                    fresh = True
                    continue
                committed = await self.committer.find_result(context)
                if committed is None:
                    raise
                return committed
            if not unit.appends and not all_fresh:
                fresh = True
                continue
            try:
                return await self._commit(conditional)
            except Stale as stale:
                if stale.conflict.aggregate == HEAD:
                    raise resync_needed(stale.conflict.version) from None
                fresh = False
            except ClaimRefused:
                if all_fresh:
                    raise
                fresh = True
        raise unavailable("the room changes too fast")

    async def _load_all(self, app: int, rooms: tuple[str, ...], fresh: bool) -> list[RoomSnapshot[S]]:
        """Loads all rooms as of one moment: nothing may change between the last load and the decision."""
        loaded = [await self.load(app, room, fresh=fresh) for room in rooms]
        if len(rooms) == 1:
            return loaded
        return loaded if fresh else [self.peek(app, room.room) or room for room in loaded]

    async def _commit(self, unit: AppendUnit) -> CommitResult:
        proposals = self.propose(unit)
        try:
            committed = await self.committer.commit(unit)
        except BaseException as error:
            for proposal in proposals:
                proposal.fail(unknown=not isinstance(error, Rejection))
            raise
        for proposal in proposals:
            if committed.repeated:
                proposal.fail(unknown=False)
            else:
                proposal.commit()
        self.apply_events(committed.views)
        return committed

    @asynccontextmanager
    async def follow_events(self, bus: Bus) -> AsyncGenerator[None]:
        """Applies the events of other services and replicas as they are published, so that loads seldom read the log."""
        subscription = await bus.subscribe(subjects.ALL_EVENTS, self._on_event, on_overflow=self._mark_all_stale)
        bus.on_reconnect(self._mark_all_stale)
        self._follows_events = True
        try:
            yield
        finally:
            self._follows_events = False
            if bus.connected:
                await subscription.unsubscribe()

    async def _on_event(self, to: Address, payload: bytes, headers: Headers) -> None:
        cached = self._rooms.get((to.app, to.room))
        if cached is None or not cached.loaded:
            return
        uid, _, seq = headers.get("Nats-Msg-Id", "").partition(":")
        if not cached.contains(uid, int(seq or 0)):
            cached.apply(msgspec.json.decode(payload, type=EventView))

    def _reset_after_erasures(self) -> None:
        """States have opened texts: after an erasure each is folded again, without the erased person's."""
        if self._people.erasures != self._erasures:
            self._erasures = self._people.erasures
            for cached in self._rooms.values():
                cached.reset()

    def _mark_all_stale(self) -> None:
        for cached in self._rooms.values():
            cached.mark_stale()

    def _cached(self, app: int, room: str) -> CachedRoom[S]:
        key = (app, room)
        cached = self._rooms.get(key)
        if cached is not None:
            self._rooms.move_to_end(key)
            return cached
        cached = self._rooms[key] = CachedRoom(app, room, self._aggregate)
        if len(self._rooms) > MAX_ROOMS:
            self._evict()
        return cached

    def _evict(self) -> None:
        for key, cached in self._rooms.items():
            if cached.evictable:
                del self._rooms[key]
                return

    async def _read(self, cached: CachedRoom[S], *, wait_for_proposals: bool) -> None:
        """Applies what the log has beyond the state; one read at a time for each room."""
        reads = cached.reads
        async with cached.read_lock:
            if wait_for_proposals:
                await cached.wait_for_proposals()
            elif cached.reads != reads and not cached.needs_read(self._follows_events):
                return
            cached.begin_read()
            seq_before = cached.seq
            head = await self._log.latest(cached.app, cached.room)
            cached.apply_head(head, seq_before)
            while head is not None and cached.seq < head.seq:
                records = await self._log.read(head.log.uid, cached.seq, EVENTS_PER_READ)
                for view in await open_records(self._people, records):
                    cached.apply(view)
                if not records or cached.seq < records[-1].seq:
                    raise LogUnavailable(f"the log of {head.log.uid} does not continue after {cached.seq}")
            cached.end_read()


def _snapshot(cached: CachedRoom[S], *, fresh: bool) -> RoomSnapshot[S]:
    own = cached.committed() if fresh else cached.speculative()
    return RoomSnapshot(
        cached.app, cached.room, own.key, own.state, own.version, own.open, cached.seq, cached.hash, fresh
    )


def _with_condition(unit: AppendUnit, context: CommandContext, room: RoomSnapshot[Any]) -> AppendUnit:
    """Adds the command's `if_seq` to its unit."""
    if context.if_seq is None:
        return unit
    if room.key is None:
        raise resync_needed(0)
    return msgspec.structs.replace(unit, appends=(Append(room.key, HEAD, context.if_seq, ()), *unit.appends))


def resync_needed(seq: int) -> Rejection:
    """Builds the refusal of a command whose `ifSeq` is not the room's seq."""
    hint = "look at what happened, then ask again with a new command id"
    return Rejection(Code.RESYNC_NEEDED, f"the room is at event {seq}", field="ifSeq", limit=str(seq), hint=hint)
