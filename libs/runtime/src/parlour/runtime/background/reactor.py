"""Reactors: what a service does because something stands in the log.

A reactor reads each shard by its own cursor in the log and hands every event to its handler, at least once and in the shard's order. NATS
only wakes it; a poll finds what a lost message would have hidden. The handler's command takes its id from `clock.reaction_id(room_uid,
seq, name)`, so that a repetition changes nothing.

Replicas: `lease` lets one of them work at a time and the others stand by (see `leases`); without it they do the same work twice, which is
harmless. A handler that fails is tried again with backoff and holds up its shard, never the others; a `Rejection` is an answer: the reason
to react is gone. An event that can't be read, since somebody changed it in the database, is tried a few times and then gone past.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.events import BY_TAG
from parlour.kernel.log import EventLog, LogUnavailable, Record
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.runtime.deciding.readable import open_readable
from parlour.runtime.deciding.sealing import open_records
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Headers, Unavailable
from parlour.runtime.telemetry.logging import logger

from .leases import Lease, always

POLL_S = 0.5
PAGE = 200
SHARDS_AT_ONCE = 16
"""Shards handled side by side; a room's events stay in order since a room has one shard."""
RETRY_MOST_S = 5.0
READ_TRIES = 3
"""What can't be read is gone past only then: a key that could not be fetched in time is no damage."""

log = logger(__name__)
Handler = Callable[[EventView], Awaitable[None]]


class Reactor:
    """Use as `async with reactor.running():` inside the service's build."""

    def __init__(
        self,
        name: str,
        event_log: EventLog,
        people: People,
        bus: Bus,
        handler: Handler,
        *,
        wake: str = subjects.ALL_EVENTS,
        types: frozenset[str] | None = None,
        lease: Lease = always,
        poll_s: float = POLL_S,
    ) -> None:
        self.name = name
        self._log = event_log
        self._people = people
        self._bus = bus
        self._handler = handler
        self._wake_subject = wake
        self._types = types
        self._lease = lease
        self._poll_s = poll_s
        self._cursor: dict[int, int] = {}
        self._aggregates = None if types is None else frozenset(BY_TAG[tag].AGGREGATE for tag in types)
        self._awake = asyncio.Event()
        self._news: set[int] = set()
        self._again: set[int] = set()
        self._next_poll = 0.0
        self._slots = asyncio.Semaphore(SHARDS_AT_ONCE)
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._unread: dict[int, tuple[int, int]] = {}
        """Of a shard the place of an event that can't be read, and how often that was tried."""
        self._handled = {
            outcome: bus.metrics.reactions.labels(name, outcome)
            for outcome in ("done", "rejected", "failed", "damaged")
        }
        self._lag = bus.metrics.reactor_lag.labels(name)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Works until the block ends."""
        subscription = await self._bus.subscribe(self._wake_subject, self._woken, on_overflow=self._look_everywhere)
        task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._drop_shards()
            if self._bus.connected:
                await subscription.unsubscribe()

    async def _woken(self, to: Address, _payload: bytes, _headers: Headers) -> None:
        if self._aggregates is None or to.verb in self._aggregates:
            self._news.add(to.p)
            self._awake.set()

    def _look_everywhere(self) -> None:
        self._next_poll = 0.0
        self._awake.set()

    async def _run(self) -> None:
        while True:
            try:
                async with self._lease(f"reactor/{self.name}"):
                    self._cursor = await self._log.cursor(self.name)
                    await self._follow()
            except LogUnavailable as error:
                log.warning("reactor_waits", reactor=self.name, error=str(error))
            except Exception as error:
                self._bus.fault("reactor", error, reactor=self.name)
            await self._drop_shards()
            await asyncio.sleep(self._poll_s * random.uniform(0.5, 1.5))

    async def _drop_shards(self) -> None:
        """Gives up what is at work: another replica may be at it by now, and the cursor will be read again."""
        shards = tuple(self._busy.values())
        for shard in shards:
            shard.cancel()
        await asyncio.gather(*shards, return_exceptions=True)
        self._again.clear()

    async def _follow(self) -> None:
        """Reads the shards that NATS names as they are named, and at each poll those that are behind."""
        self._next_poll = 0.0
        while True:
            self._awake.clear()
            news, self._news = self._news, set()
            if time.monotonic() >= self._next_poll:
                news |= await self._behind()
                self._next_poll = time.monotonic() + self._poll_s
            for p in news - {-1}:
                self._look(p)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._next_poll - time.monotonic())):
                    await self._awake.wait()

    async def _behind(self) -> set[int]:
        heads = await self._log.shard_heads()
        behind = {p: head - self._cursor.get(p, 0) for p, head in heads.items() if head > self._cursor.get(p, 0)}
        self._lag.set(sum(behind.values()))
        return set(behind)

    def _look(self, p: int) -> None:
        """Starts to read a shard; one that is being read is looked at once more afterwards."""
        if p in self._busy:
            self._again.add(p)
            return
        self._busy[p] = task = asyncio.get_running_loop().create_task(self._shard(p))
        task.add_done_callback(lambda _task: self._finished(p))

    def _finished(self, p: int) -> None:
        self._busy.pop(p, None)
        if p in self._again:
            self._again.discard(p)
            self._news.add(p)
            self._awake.set()

    async def _shard(self, p: int) -> None:
        """Handles a shard's events until there are no more."""
        async with self._slots:
            try:
                while records := await self._log.read_shard(p, self._cursor.get(p, 0), PAGE):
                    await self._page(p, records)
                    if len(records) < PAGE:
                        return
            except LogUnavailable as error:
                log.warning("reactor_waits", reactor=self.name, p=p, error=str(error))
            except Exception as error:
                self._bus.fault("reactor", error, reactor=self.name, p=p)

    async def _page(self, p: int, records: tuple[Record, ...]) -> None:
        wanted = tuple(record for record in records if self._types is None or record.type in self._types)
        views = await open_readable(open_records, self._people, wanted)
        for record, view in zip(wanted, views, strict=True):
            if view is None:
                self._unreadable(record)
            else:
                await self._handle(view)
            await self._reached(p, record.pos)
        await self._reached(p, records[-1].pos)

    def _unreadable(self, record: Record) -> None:
        """Raises until it has been tried often enough; the shard is looked at again at the next poll."""
        pos, tries = self._unread.get(record.p, (0, 0))
        tries = tries + 1 if pos == record.pos else 1
        self._unread[record.p] = record.pos, tries
        if tries < READ_TRIES:
            raise ValueError(f"event {record.seq} of {record.log.uid} can't be read")
        del self._unread[record.p]
        self._handled["damaged"].inc()
        log.error("event_damaged", reader=self.name, room_uid=str(record.log.uid), seq=record.seq, type=record.type)

    async def _reached(self, p: int, pos: int) -> None:
        if pos > self._cursor.get(p, 0):
            await self._log.advance(self.name, p, pos)
            self._cursor[p] = pos

    async def _handle(self, view: EventView) -> None:
        pause = 0.05
        while True:
            try:
                await self._handler(view)
                self._handled["done"].inc()
                return
            except (LogUnavailable, Unavailable) as error:
                log.warning("reaction_waits", reactor=self.name, room_uid=view.room_uid, seq=view.seq, error=str(error))
            except Rejection as rejection:
                self._handled["rejected"].inc()
                log.info(
                    "reaction_rejected",
                    reactor=self.name,
                    room_uid=view.room_uid,
                    seq=view.seq,
                    code=rejection.problem.code,
                )
                return
            except Exception as error:
                self._handled["failed"].inc()
                self._bus.fault(
                    "reaction", error, reactor=self.name, room_uid=view.room_uid, seq=view.seq, type=view.type
                )
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(RETRY_MOST_S, pause * 2)
