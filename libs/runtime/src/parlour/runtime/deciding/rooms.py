"""The states that a service decides on: folded from the log, kept in memory, and decided upon without waiting for one another.

Two rules make a cache safe without leases. 1. What is accepted is proven by the append: versions and claims are checked there, a miss is
`Stale`, and the command is decided again. 2. What is rejected, or changes nothing since it is true already, was decided on a state
read from the log after the command came in: nothing in the append would prove it.

Commands for one room need not wait for each other's commits: each is decided on top of the drafts under way, in the lane's order. When
one of those fails, the ones above it fail by their version and are decided again.

    cache = StateCache(log, people, aggregate="room", initial=lambda key: Absent(), evolve=evolve)
    async with cache.following(bus): ...
    done = await decide_and_commit(cache, committer, call, lambda room: decide_draft(room, command))
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar, overload

import msgspec

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.events import Event
from parlour.kernel.log import HEAD, EventLog, LogKey, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Headers, unavailable

from .commit import Committer
from .drafts import Call, ClaimRefused, Done, Draft, Stale
from .folding import Folding, Proposal
from .sealing import open_records

ROOMS = 4096
"""States kept; the least recently used one is folded again when it is needed."""
TRIES = 12
CALM_TRIES = 3
"""After so many, another replica is at the same room: a pause of a random length lets one of the two go first."""
PAUSE_S = 0.005
PAGE = 500

S = TypeVar("S")


class Loaded(msgspec.Struct, Generic[S], frozen=True):
    """A room's latest life as far as this process knows.

    `key` is None for a room that was never opened; `version` is that of the service's own aggregate; `seq` and `hash` are those of the
    last event that the log is known to have. `fresh`: read from the log after the command came in, and without the drafts under way;
    otherwise they are included.
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


class StateCache(Generic[S]):
    """The folded states of rooms. `aggregate` is the service's own; `others` are those whose events its state wants too."""

    def __init__(
        self,
        log: EventLog,
        people: People,
        *,
        aggregate: str,
        initial: Callable[[LogKey], S],
        evolve: Callable[[S, Event], S],
        absent: Callable[[], S] | None = None,
        others: Iterable[str] = (),
        limit: int = ROOMS,
    ) -> None:
        self._log = log
        self._people = people
        self._aggregate = aggregate
        self._wanted = frozenset({aggregate, *others})
        self._initial = initial
        self._absent = absent
        self._evolve = evolve
        self._limit = limit
        self._rooms: OrderedDict[tuple[int, str], Folding[S]] = OrderedDict()
        self._follows = False
        self._erasures = people.erasures

    async def load(self, app: int, room: str, *, fresh: bool = False) -> Loaded[S]:
        """The room's state; does not suspend where it is in memory and `fresh` is not asked for."""
        self._heed_erasures()
        folding = self._folding(app, room)
        if fresh or folding.behind(self._follows):
            await self._refresh(folding, settle=fresh)
        return self._loaded(folding, fresh=fresh)

    def peek(self, app: int, room: str) -> Loaded[S] | None:
        """What is in memory, without a look at the log."""
        folding = self._rooms.get((app, room))
        return None if folding is None or folding.unread else self._loaded(folding, fresh=False)

    def propose(self, draft: Draft) -> tuple[Proposal, ...]:
        """Later commands are decided on top of this draft until each proposal is settled."""
        return tuple(
            self._folding(change.log.app, change.log.room).propose(change, draft.command_id)
            for change in draft.changes
            if change.aggregate in self._wanted
        )

    def applied(self, views: Iterable[EventView]) -> None:
        """Events that are in the log: own commits and what NATS brings."""
        for view in views:
            folding = self._rooms.get((view.app, view.room))
            if folding is not None and not folding.unread:
                folding.offer(view)

    def forget(self, app: int, room: str) -> None:
        """The next load reads the log."""
        folding = self._rooms.get((app, room))
        if folding is not None:
            folding.doubt()

    @asynccontextmanager
    async def following(self, bus: Bus) -> AsyncGenerator[None]:
        """Applies other services' and replicas' events as they are published, so that loads seldom read the log."""
        subscription = await bus.subscribe(subjects.ALL_EVENTS, self._heard, on_overflow=self._doubt_all)
        bus.on_reconnect(self._doubt_all)
        self._follows = True
        try:
            yield
        finally:
            self._follows = False
            if bus.connected:
                await subscription.unsubscribe()

    async def _heard(self, to: Address, payload: bytes, headers: Headers) -> None:
        folding = self._rooms.get((to.app, to.room))
        if folding is None or folding.unread:
            return
        uid, _, seq = headers.get("Nats-Msg-Id", "").partition(":")
        if not folding.knows(uid, int(seq or 0)):
            folding.offer(msgspec.json.decode(payload, type=EventView))

    def _heed_erasures(self) -> None:
        """States hold opened texts: after an erasure each is folded anew, now without that person's."""
        if self._people.erasures != self._erasures:
            self._erasures = self._people.erasures
            for folding in self._rooms.values():
                folding.refold()

    def _doubt_all(self) -> None:
        for folding in self._rooms.values():
            folding.doubt()

    def _folding(self, app: int, room: str) -> Folding[S]:
        key = (app, room)
        folding = self._rooms.get(key)
        if folding is not None:
            self._rooms.move_to_end(key)
            return folding
        folding = self._rooms[key] = Folding(
            app, room, self._aggregate, self._wanted, self._initial, self._evolve, self._absent
        )
        if len(self._rooms) > self._limit:
            self._evict()
        return folding

    def _evict(self) -> None:
        for key, folding in self._rooms.items():
            if not folding.busy:
                del self._rooms[key]
                return

    async def _refresh(self, folding: Folding[S], *, settle: bool) -> None:
        """Reads what the log has beyond the state; one reader at a time for each room."""
        asked = folding.refreshes
        async with folding.reading:
            if settle:
                await folding.settled()
            elif folding.refreshes != asked and not folding.behind(self._follows):
                return
            folding.refreshing()
            seq_before = folding.seq
            head = await self._log.latest(folding.app, folding.room)
            folding.start(head, seq_before)
            while head is not None and folding.seq < head.seq:
                records = await self._log.read(head.log.uid, folding.seq, PAGE)
                views = await open_records(self._people, records)
                for view in views:
                    folding.offer(view)
                if not records or folding.seq < records[-1].seq:
                    raise LogUnavailable(f"the log of {head.log.uid} does not continue after {folding.seq}")
            folding.refreshed()

    def _loaded(self, folding: Folding[S], *, fresh: bool) -> Loaded[S]:
        tip = folding.confirmed() if fresh else folding.tip()
        return Loaded(
            folding.app, folding.room, tip.key, tip.state, tip.version, tip.open, folding.seq, folding.hash, fresh
        )


@overload
async def decide_and_commit(
    cache: StateCache[S], committer: Committer, call: Call, decide: Callable[[Loaded[S]], Draft]
) -> Done: ...


@overload
async def decide_and_commit(
    cache: StateCache[S], committer: Committer, call: Call, decide: Callable[..., Draft], *, also: tuple[str, ...]
) -> Done: ...


async def decide_and_commit(
    cache: StateCache[S], committer: Committer, call: Call, decide: Callable[..., Draft], *, also: tuple[str, ...] = ()
) -> Done:
    """Load, decide, commit; again where the state was not the latest, at most `TRIES` times.

    `decide` gets the `Loaded` of the call's room, then of each room in `also`; it gives a draft or raises `Rejection`, and never waits.
    Raises the `Rejection` of `decide` (unless this command id was answered before: then that answer counts), and `ClaimRefused` when a
    claim is refused although the state was fresh.
    """
    fresh = False
    for tried in range(TRIES):
        if tried >= CALM_TRIES:
            await asyncio.sleep(random.uniform(0, PAUSE_S * 2 ** (tried - CALM_TRIES)))
        loaded = await _load_all(cache, call.app, (call.room, *also), fresh)
        certain = all(room.fresh for room in loaded)
        try:
            draft = _conditional(decide(*loaded), call, loaded[0])
        except Rejection:
            if not certain:
                fresh = True
                continue
            done = await committer.recall(call)
            if done is None:
                raise
            return done
        if not draft.changes and not certain:
            fresh = True
            continue
        try:
            return await _commit(cache, committer, draft)
        except Stale as stale:
            if stale.conflict.aggregate == HEAD:
                raise moved_on(stale.conflict.version) from None
            fresh = False
        except ClaimRefused:
            if certain:
                raise
            fresh = True
    raise unavailable("the room changes too fast")


async def _load_all(cache: StateCache[S], app: int, rooms: tuple[str, ...], fresh: bool) -> list[Loaded[S]]:
    """All rooms as of one moment: nothing may change between the last load and the decision."""
    loaded = [await cache.load(app, room, fresh=fresh) for room in rooms]
    if len(rooms) == 1:
        return loaded
    return loaded if fresh else [cache.peek(app, room.room) or room for room in loaded]


def _conditional(draft: Draft, call: Call, room: Loaded[Any]) -> Draft:
    """The draft under the condition that its command came with."""
    if call.if_seq is None:
        return draft
    if room.key is None:
        raise moved_on(0)
    return msgspec.structs.replace(draft, head=(room.key, call.if_seq))


def moved_on(seq: int) -> Rejection:
    """The room does not stand where the asker knows it."""
    hint = "look at what happened, then ask again with a new command id"
    return Rejection.of(Code.RESYNC_NEEDED, f"the room is at event {seq}", field="ifSeq", limit=str(seq), hint=hint)


async def _commit(cache: StateCache[S], committer: Committer, draft: Draft) -> Done:
    proposals = cache.propose(draft)
    try:
        done = await committer.commit(draft)
    except BaseException as error:
        for proposal in proposals:
            proposal.failed(doubt=not isinstance(error, Rejection))
        raise
    for proposal in proposals:
        if done.repeated:
            proposal.failed(doubt=False)
        else:
            proposal.committed()
    cache.applied(done.views)
    return done
