"""Reactors: what a service does because something stands in the log.

A reactor reads each shard by its own cursor in the log and hands every event to its handler, at least once and in the shard's order. NATS
only wakes it; a poll finds what a lost message would have hidden. The handler's command takes its id from `clock.reaction_id(room_uid,
seq, name)`, so that a repetition changes nothing.

Replicas: `lease` lets one of them work at a time and the others stand by (see `leases`); without it they do the same work twice, which is
harmless. A handler that fails is tried again with backoff and holds up its shard, never the others; a `Rejection` is an answer: the reason
to react is gone.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.kernel.log import EventLog, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People

from .address import Address
from .bus import Bus, Headers, Unavailable
from .leases import Lease, always
from .logging import logger
from .sealing import open_records

POLL_S = 0.5
PAGE = 200
SHARDS_AT_ONCE = 16
"""Shards handled side by side; a room's events stay in order since a room has one shard."""
RETRY_MOST_S = 5.0

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
        self._awake = asyncio.Event()
        self._slots = asyncio.Semaphore(SHARDS_AT_ONCE)
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._handled = {
            outcome: bus.metrics.reactions.labels(name, outcome) for outcome in ("done", "rejected", "failed")
        }
        self._lag = bus.metrics.reactor_lag.labels(name)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Works until the block ends."""
        subscription = await self._bus.subscribe(self._wake_subject, self._woken, on_overflow=self._awake.set)
        task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._drop_shards()
            if self._bus.connected:
                await subscription.unsubscribe()

    async def _woken(self, _to: Address, _payload: bytes, _headers: Headers) -> None:
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

    async def _follow(self) -> None:
        """Looks which shards have news, whenever woken and at each poll."""
        while True:
            self._awake.clear()
            heads = await self._log.shard_heads()
            behind = {p: head - self._cursor.get(p, 0) for p, head in heads.items() if head > self._cursor.get(p, 0)}
            self._lag.set(sum(behind.values()))
            for p in behind:
                if p not in self._busy:
                    self._busy[p] = task = asyncio.get_running_loop().create_task(self._shard(p, heads[p]))
                    task.add_done_callback(lambda _task, p=p: self._finished(p))
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._awake.wait()
            except TimeoutError:
                pass

    def _finished(self, p: int) -> None:
        self._busy.pop(p, None)

    async def _shard(self, p: int, head: int) -> None:
        """Handles a shard's events up to `head`; what comes later is the next look's work."""
        async with self._slots:
            try:
                while self._cursor.get(p, 0) < head:
                    records = await self._log.read_shard(p, self._cursor.get(p, 0), PAGE)
                    if not records:
                        return
                    wanted = [record for record in records if self._types is None or record.type in self._types]
                    views = await open_records(self._people, wanted)
                    for record, view in zip(wanted, views, strict=True):
                        await self._handle(view)
                        await self._reached(p, record.pos)
                    await self._reached(p, records[-1].pos)
            except LogUnavailable as error:
                log.warning("reactor_waits", reactor=self.name, p=p, error=str(error))
            except Exception as error:
                self._bus.fault("reactor", error, reactor=self.name, p=p)

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
