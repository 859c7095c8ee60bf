"""Keeps one generation of the projections behind the log: events in, rows and cursors out, in one transaction for each batch.

So a batch is in the tables as a whole or not at all, whoever is killed when: a projector starts again where the cursors stand. Two
projectors of one generation cannot both move a cursor; the one that was overtaken forgets what it remembers and reads again.

An event that cannot be read, or whose rows the tables do not take, is gone past and told (`damage`): one changed row must not end history.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from typing import NamedTuple, Protocol
from uuid import UUID

from parlour.contracts import events as ev
from parlour.record.app.damaged_events import HISTORY, DamagedEvent, DamageReport
from parlour.record.domain.projections.calls import CallFold
from parlour.record.domain.projections.facts import ABOUT_APPS, UnreadableEvent, fact_of
from parlour.record.domain.projections.rows import Rows

BATCH = 4_000
"""Events in one transaction: more of them save little, and a batch holds the event loop for tens of milliseconds."""
AT_ONCE = 250
"""Events folded before others of this process get their turn: about five milliseconds."""
NARROWED = 8
"""A batch that can't be written is tried again with so many times fewer events, until the one is found."""
CALLS_KEPT = 4_096
"""Calls under way that are remembered between batches; others are read from their rows again."""


class LoggedEvent(NamedTuple):
    """An event as the log has it, as little of it as projections need."""

    p: int
    pos: int
    room_uid: UUID
    seq: int
    at: int
    type: str
    env: bytes


class CursorConflict(Exception):
    """Another projector has moved the cursors of this generation, or the generation is gone."""


class RowRejected(Exception):
    """The tables do not take what was made of an event: a number or a text that no column holds."""


class ProjectionStore(Protocol):
    """One generation's tables. Every method may raise `LogUnavailable`, and `Overtaken` when the generation is no more."""

    def cursors(self) -> Awaitable[dict[int, int]]:
        """Where each shard stands."""
        ...

    def heads(self) -> Awaitable[dict[int, int]]:
        """Where the log's shards stand."""
        ...

    def read(self, after: Mapping[int, int], limit: int) -> Awaitable[list[LoggedEvent]]:
        """At most `limit` events: of the first shard named as many as there are, then of the next, each in order behind its position."""
        ...

    def load(self, room_uids: list[UUID]) -> Awaitable[dict[UUID, tuple[CallFold, Rows]]]:
        """Calls that go on, with their rows: see `CallFold.load`."""
        ...

    def write(self, rows: Rows, moved: Mapping[int, tuple[int, int]]) -> Awaitable[None]:
        """All or nothing. `moved` gives for each shard where its cursor was and is to be; `Overtaken` where it was elsewhere.
        `Unwritable` where a row can't be written."""
        ...


class Projector:
    """`step` moves the generation on by one batch."""

    def __init__(self, store: ProjectionStore, damages: DamageReport, batch: int = BATCH) -> None:
        self._store = store
        self._damages = damages
        self._most = batch
        self._batch = batch
        """How many events the next step takes: few while one is looked for that can't be written."""
        self._cursors: dict[int, int] = {}
        self._turn = 0
        """The shard that is read first: a busy one must not keep others waiting."""
        self._calls: OrderedDict[UUID, CallFold | None] = OrderedDict()
        """None: a log that is no call."""

    async def step(self) -> int:
        """The number of events that it moved on by; 0 when it has them all."""
        try:
            return await self._step()
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._cursors = {}
        self._calls.clear()

    async def _step(self) -> int:
        if not self._cursors:
            self._cursors = await self._store.cursors()
        heads = await self._store.heads()
        behind = {p: self._cursors[p] for p in self._in_turn() if self._cursors[p] < heads.get(p, 0)}
        if not behind:
            return 0
        facts = await self._store.read(behind, self._batch)
        if not facts:
            return 0
        rows = await self._fold(facts)
        reached = {fact.p: fact.pos for fact in facts}
        moved = {p: (self._cursors[p], pos) for p, pos in reached.items()}
        try:
            await self._store.write(rows, moved)
        except RowRejected as error:
            return await self._narrow(facts, moved, error)
        rows.settle()
        self._batch = min(self._most, self._batch * NARROWED)
        self._cursors |= reached
        self._turn = facts[-1].p + 1
        self._trim()
        return len(facts)

    async def _narrow(self, facts: list[LoggedEvent], moved: Mapping[int, tuple[int, int]], error: RowRejected) -> int:
        """Takes fewer events from here on; a single one that can't be written is gone past without rows."""
        self._forget()
        if len(facts) > 1:
            self._batch = max(1, len(facts) // NARROWED)
            return await self._step()
        (fact,) = facts
        await self._damages.gone_past(HISTORY, [DamagedEvent(fact.room_uid, fact.seq, fact.type, str(error))])
        await self._store.write(Rows(), moved)
        return 1

    def _in_turn(self) -> list[int]:
        shards = sorted(self._cursors)
        return [p for p in shards if p >= self._turn] + [p for p in shards if p < self._turn]

    async def _fold(self, facts: list[LoggedEvent]) -> Rows:
        await self._remember(facts)
        rows, calls = Rows(), self._calls
        found: list[DamagedEvent] = []
        for number, (_, _, uid, seq, at, type_, env) in enumerate(facts):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            call = calls.get(uid)
            try:
                event = fact_of(type_, env)
            except UnreadableEvent as damaged:
                event = None
                if call is not None or seq == 1:
                    found.append(DamagedEvent(uid, seq, type_, str(damaged)))
            if call is None:
                if not isinstance(event, ev.RoomOpened):
                    continue
                call = calls[uid] = CallFold.opened(uid, at, event)
            call.apply(seq, at, event, rows)
        await self._damages.gone_past(HISTORY, found)
        return rows

    async def _remember(self, facts: list[LoggedEvent]) -> None:
        """Brings the calls that these events belong to into memory; those that begin here need no look."""
        unknown = dict.fromkeys(fact.room_uid for fact in facts if fact.room_uid not in self._calls)
        begun = {fact.room_uid for fact in facts if fact.seq == 1}
        about_apps = {fact.room_uid for fact in facts if fact.type.startswith(ABOUT_APPS)}
        missing = [uid for uid in unknown if uid not in begun and uid not in about_apps]
        found = await self._store.load(missing) if missing else {}
        for uid in unknown:
            if uid in found:
                call, rows = found[uid]
                call.load(rows)
                self._calls[uid] = call
            else:
                self._calls[uid] = None

    def _trim(self) -> None:
        for uid in [uid for uid, call in self._calls.items() if call is None or call.over]:
            del self._calls[uid]
        while len(self._calls) > CALLS_KEPT:
            self._calls.popitem(last=False)
