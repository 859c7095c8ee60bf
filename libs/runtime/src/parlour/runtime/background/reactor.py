"""Reactors: what a service does in reaction to events of the log.

A reactor reads each shard by its own cursor in the log and hands every event to its handler, at least once and in the shard's order. NATS
only wakes it; a poll finds events whose message was lost. The handler's command takes its id from `clock.reaction_id(room_uid,
seq, name)`, so that a repetition changes nothing.

With `lease` one replica works at a time and the others stand by (see `leases`); without it they do the same work twice, which is harmless.
A handler that fails is retried with backoff and blocks its own shard only; a `Rejection` means that there is nothing to do any more. An
event that can't be read, since somebody changed it in the database, is skipped after a few attempts.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.events import BY_TAG
from parlour.kernel.log import EventLog, LogUnavailable, Record
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.sealing import open_readable, open_records
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Unavailable
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.retry import RetryPolicy, wait_at_most
from parlour.runtime.telemetry.logging import logger

from .leases import Lease, always

POLL_S = 0.5
EVENTS_PER_PAGE = 200
MAX_CONCURRENT_SHARDS = 16
"""Most shards handled at once; a room's events stay in order since a room has one shard."""
RETRY = RetryPolicy(max_s=5.0)
READ_ATTEMPTS = 3
"""Attempts to read an event before it is skipped: a key that could not be fetched in time is no damage."""

log = logger(__name__)
Handler = Callable[[EventView], Awaitable[None]]


@dataclass(eq=False)
class Reactor:
    """Use as `async with reactor.running():` inside the service's build."""

    name: str
    _log: EventLog
    _people: UserKeyStore
    _bus: Bus
    _handler: Handler
    types: frozenset[str] | None = None
    lease: Lease = always
    poll_s: float = POLL_S
    _cursor: dict[int, int] = field(init=False, default_factory=dict)
    _wake: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _pending_shards: set[int] = field(init=False, default_factory=set)
    _restart: set[int] = field(init=False, default_factory=set)
    _next_poll: float = field(init=False, default=0.0)
    _slots: asyncio.Semaphore = field(init=False, default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT_SHARDS))
    _busy: dict[int, asyncio.Task[None]] = field(init=False, default_factory=dict)
    _read_failures: dict[int, tuple[int, int]] = field(init=False, default_factory=dict)
    """By shard: the position of an event that can't be read, and how many attempts failed."""

    def __post_init__(self) -> None:
        self._aggregates = None if self.types is None else frozenset(BY_TAG[tag].AGGREGATE for tag in self.types)
        self._handled = {
            outcome: self._bus.metrics.reactions.labels(self.name, outcome)
            for outcome in ("done", "rejected", "failed", "damaged")
        }
        self._lag = self._bus.metrics.reactor_lag.labels(self.name)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Handles events until the block ends."""
        subscription = await self._bus.subscribe(subjects.ALL_EVENTS, self._on_wake, on_overflow=self._poll_now)
        task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._cancel_shards()
            if self._bus.connected:
                await subscription.unsubscribe()

    async def _on_wake(self, to: Address, _payload: bytes, _headers: Headers) -> None:
        if self._aggregates is None or to.verb in self._aggregates:
            self._pending_shards.add(to.p)
            self._wake.set()

    def _poll_now(self) -> None:
        self._next_poll = 0.0
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                async with self.lease(f"reactor/{self.name}"):
                    self._cursor = await self._log.cursor(self.name)
                    await self._follow()
            except LogUnavailable as error:
                log.warning("reactor_waits", reactor=self.name, error=str(error))
            except Exception as error:
                self._bus.report_fault("reactor", error, reactor=self.name)
            await self._cancel_shards()
            await asyncio.sleep(self.poll_s * random.uniform(0.5, 1.5))

    async def _cancel_shards(self) -> None:
        """Cancels what is being handled: another replica may handle it by now, and the cursor will be read again."""
        shards = tuple(self._busy.values())
        for shard in shards:
            shard.cancel()
        await asyncio.gather(*shards, return_exceptions=True)
        self._restart.clear()

    async def _follow(self) -> None:
        """Handles the shards that NATS names as they are named, and at each poll those that lag."""
        self._next_poll = 0.0
        while True:
            self._wake.clear()
            news, self._pending_shards = self._pending_shards, set()
            if time.monotonic() >= self._next_poll:
                news |= await self._lagging_shards()
                self._next_poll = time.monotonic() + self.poll_s
            for p in news - {-1}:
                self._start_shard(p)
            await wait_at_most(self._wake, max(0.0, self._next_poll - time.monotonic()))

    async def _lagging_shards(self) -> set[int]:
        heads = await self._log.shard_heads()
        behind = {p: head - self._cursor.get(p, 0) for p, head in heads.items() if head > self._cursor.get(p, 0)}
        self._lag.set(sum(behind.values()))
        return set(behind)

    def _start_shard(self, p: int) -> None:
        """Starts to handle a shard, or to handle it once more after it has ended."""
        if p in self._busy:
            self._restart.add(p)
            return
        self._busy[p] = task = asyncio.get_running_loop().create_task(self._handle_shard(p))
        task.add_done_callback(lambda _task: self._finished(p))

    def _finished(self, p: int) -> None:
        self._busy.pop(p, None)
        if p in self._restart:
            self._restart.discard(p)
            self._pending_shards.add(p)
            self._wake.set()

    async def _handle_shard(self, p: int) -> None:
        """Handles a shard's events until there are no more."""
        async with self._slots:
            try:
                while records := await self._log.read_shard(p, self._cursor.get(p, 0), EVENTS_PER_PAGE):
                    await self._handle_page(p, records)
                    if len(records) < EVENTS_PER_PAGE:
                        return
            except LogUnavailable as error:
                log.warning("reactor_waits", reactor=self.name, p=p, error=str(error))
            except Exception as error:
                self._bus.report_fault("reactor", error, reactor=self.name, p=p)

    async def _handle_page(self, p: int, records: tuple[Record, ...]) -> None:
        wanted = tuple(record for record in records if self.types is None or record.type in self.types)
        views = await open_readable(open_records, self._people, wanted)
        for record, view in zip(wanted, views, strict=True):
            if view is None:
                self._skip_damaged(record)
            else:
                await self._handle(view)
            await self._advance(p, record.pos)
        await self._advance(p, records[-1].pos)

    def _skip_damaged(self, record: Record) -> None:
        """Raises ValueError for the first attempts, so that the next poll tries again, and counts the event as damaged then."""
        pos, tries = self._read_failures.get(record.p, (0, 0))
        tries = tries + 1 if pos == record.pos else 1
        self._read_failures[record.p] = record.pos, tries
        if tries < READ_ATTEMPTS:
            raise ValueError(f"event {record.seq} of {record.log.uid} can't be read")
        del self._read_failures[record.p]
        self._handled["damaged"].inc()
        log.error("event_damaged", reader=self.name, room_uid=str(record.log.uid), seq=record.seq, type=record.type)

    async def _advance(self, p: int, pos: int) -> None:
        if pos > self._cursor.get(p, 0):
            await self._log.advance(self.name, p, pos)
            self._cursor[p] = pos

    async def _handle(self, view: EventView) -> None:
        event = {"reactor": self.name, "room_uid": view.room_uid, "seq": view.seq}
        for pause_s in RETRY.pauses():
            try:
                await self._handler(view)
                self._handled["done"].inc()
                return
            except (LogUnavailable, Unavailable) as error:
                log.warning("reaction_waits", error=str(error), **event)
            except Rejection as rejection:
                self._handled["rejected"].inc()
                log.info("reaction_rejected", code=rejection.problem.code, **event)
                return
            except Exception as error:
                self._handled["failed"].inc()
                self._bus.report_fault("reaction", error, type=view.type, **event)
            await asyncio.sleep(pause_s)
