"""Folds the log into one generation of the projections: events in, rows and cursors out, one transaction for each batch.

A batch is in the tables as a whole or not at all, whoever is killed when: a projector starts where the cursors stand. Two projectors of
one generation can't both move a cursor; the one that loses drops its memory and reads again. An event that can't be read, or whose rows
the tables refuse, is skipped and reported (`damaged_events`).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from typing import NamedTuple, Protocol
from uuid import UUID

from parlour.contracts import events as ev
from parlour.record.app.damaged_events import HISTORY, DamagedEvent, DamageReport
from parlour.record.domain.projections.calls import CallFold
from parlour.record.domain.projections.facts import APP_EVENTS, UnreadableEvent, fact_of
from parlour.record.domain.projections.rows import Rows

EVENTS_PER_BATCH = 4_000
"""Events in one transaction: more of them save little, and a batch holds the event loop for tens of milliseconds."""
EVENTS_PER_SLICE = 250
"""Events folded before other tasks of the process run: about five milliseconds."""
NARROWING = 8
"""A batch that can't be written is tried again with so many times fewer events, until the one at fault is found."""
CALLS_CACHED = 4_096
"""Open calls kept in memory between batches; others are read from their rows again."""


class LoggedEvent(NamedTuple):
    """The columns of an event that projections need. `p` is its shard, `pos` its position there, `at` unix microseconds."""

    p: int
    pos: int
    room_uid: UUID
    seq: int
    at: int
    type: str
    env: bytes


class CursorConflict(Exception):
    """Another projector moved the generation's cursors, or the generation was dropped."""


class RowRejected(Exception):
    """The tables refuse what was made of an event: a number or a text that no column holds."""


class ProjectionStore(Protocol):
    """One generation's tables. Methods may raise `LogUnavailable`, and `CursorConflict` when the generation is gone."""

    def cursors(self) -> Awaitable[dict[int, int]]:
        """Returns by shard the position up to which the generation has the events."""
        ...

    def heads(self) -> Awaitable[dict[int, int]]:
        """Returns by shard the log's last position."""
        ...

    def read(self, after: Mapping[int, int], limit: int) -> Awaitable[list[LoggedEvent]]:
        """Returns at most `limit` events: all of the first shard behind its position, then those of the next, each in order."""
        ...

    def load(self, room_uids: list[UUID]) -> Awaitable[dict[UUID, tuple[CallFold, Rows]]]:
        """Returns the open ones of these calls with their rows, for `CallFold.load`."""
        ...

    def write(self, rows: Rows, moved: Mapping[int, tuple[int, int]]) -> Awaitable[None]:
        """Writes all or nothing. `moved` gives each shard's cursor before and after; `CursorConflict` if one stood elsewhere,
        `RowRejected` if a row can't be written."""
        ...


class Projector:
    """Moves its generation on by one batch per `step`."""

    def __init__(self, store: ProjectionStore, damage: DamageReport, batch: int = EVENTS_PER_BATCH) -> None:
        self._store = store
        self._damage = damage
        self._full_batch = batch
        self._batch = batch
        """Events of the next step: fewer while one is searched that can't be written."""
        self._cursors: dict[int, int] = {}
        self._first_shard = 0
        """The shard that is read first: a busy one must not delay the others."""
        self._calls: OrderedDict[UUID, CallFold | None] = OrderedDict()
        """None: a log that is no call."""
        self.lag = 0
        """Events of the log that the last step found the generation to lack."""

    async def step(self) -> int:
        """Returns the number of events that the generation moved on by; 0 when it has all."""
        try:
            return await self._step()
        except BaseException:
            self._drop_memory()
            raise

    def _drop_memory(self) -> None:
        self._cursors = {}
        self._calls.clear()

    async def _step(self) -> int:
        if not self._cursors:
            self._cursors = await self._store.cursors()
        heads = await self._store.heads()
        behind = {p: self._cursors[p] for p in self._shards_in_order() if self._cursors[p] < heads.get(p, 0)}
        self.lag = sum(heads[p] - cursor for p, cursor in behind.items())
        events = await self._store.read(behind, self._batch) if behind else []
        if not events:
            return 0
        rows = await self._fold(events)
        reached = {event.p: event.pos for event in events}
        moved = {p: (self._cursors[p], pos) for p, pos in reached.items()}
        try:
            await self._store.write(rows, moved)
        except RowRejected as error:
            return await self._narrow(events, moved, error)
        rows.mark_stored()
        self._batch = min(self._full_batch, self._batch * NARROWING)
        self._cursors |= reached
        self._first_shard = events[-1].p + 1
        self._trim_cache()
        return len(events)

    async def _narrow(self, events: list[LoggedEvent], moved: Mapping[int, tuple[int, int]], error: RowRejected) -> int:
        """Takes fewer events from here on; skips a single one that can't be written."""
        self._drop_memory()
        if len(events) > 1:
            self._batch = max(1, len(events) // NARROWING)
            return await self._step()
        (event,) = events
        await self._damage.report_skipped(HISTORY, [DamagedEvent(event.room_uid, event.seq, event.type, str(error))])
        await self._store.write(Rows(), moved)
        return 1

    def _shards_in_order(self) -> list[int]:
        shards = sorted(self._cursors)
        return [p for p in shards if p >= self._first_shard] + [p for p in shards if p < self._first_shard]

    async def _fold(self, events: list[LoggedEvent]) -> Rows:
        await self._load_calls(events)
        rows, calls = Rows(), self._calls
        damaged: list[DamagedEvent] = []
        for number, (_, _, uid, seq, at, type_, env) in enumerate(events):
            if number % EVENTS_PER_SLICE == EVENTS_PER_SLICE - 1:
                await asyncio.sleep(0)
            call = calls.get(uid)
            try:
                fact = fact_of(type_, env)
            except UnreadableEvent as error:
                fact = None
                if call is not None or seq == 1:
                    damaged.append(DamagedEvent(uid, seq, type_, str(error)))
            if call is None:
                if not isinstance(fact, ev.RoomOpened):
                    continue
                call = calls[uid] = CallFold.begin(uid, at, fact)
            call.apply(seq, at, fact, rows)
        await self._damage.report_skipped(HISTORY, damaged)
        return rows

    async def _load_calls(self, events: list[LoggedEvent]) -> None:
        """Loads the calls that these events belong to; those that begin here have no rows yet."""
        unknown = dict.fromkeys(event.room_uid for event in events if event.room_uid not in self._calls)
        begun = {event.room_uid for event in events if event.seq == 1}
        of_apps = {event.room_uid for event in events if event.type.startswith(APP_EVENTS)}
        missing = [uid for uid in unknown if uid not in begun and uid not in of_apps]
        found = await self._store.load(missing) if missing else {}
        for uid in unknown:
            if uid in found:
                call, rows = found[uid]
                call.load(rows)
                self._calls[uid] = call
            else:
                self._calls[uid] = None

    def _trim_cache(self) -> None:
        for uid in [uid for uid, call in self._calls.items() if call is None or call.is_over]:
            del self._calls[uid]
        while len(self._calls) > CALLS_CACHED:
            self._calls.popitem(last=False)
