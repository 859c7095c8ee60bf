"""Which endpoints this process delivers to: leases in the store, one worker for each endpoint, so that none holds up another.

A lease is renewed every `HOLD_S`; a process that dies leaves its endpoints to others when its leases end. Each write of a worker checks the
lease in its own transaction, so what two processes may both send is what one had under way.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from uuid import UUID

from parlour.kernel.log import EventLog, LogUnavailable
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.runtime.telemetry.logging import logger

from .ports import DeliveryStore, LeaseLost
from .worker import Worker

HOLD_S = 1.0
TAKEN_AT_ONCE = 8
"""Endpoints taken in one round: replicas that start together share them."""
WOKEN_S = 0.05
"""A wake-up is acted on at most this often."""

log = logger(__name__)
MakeWorker = Callable[[Endpoint], Worker]
Fault = Callable[[BaseException], None]


class WorkerPool:
    """`run` is endless and raises `LogUnavailable` when the store is away; `wake` is called when there may be news in the log."""

    def __init__(
        self,
        store: DeliveryStore,
        event_log: EventLog,
        make: MakeWorker,
        fault: Fault,
        *,
        owner: str,
        lease_s: float,
        poll_s: float,
    ) -> None:
        self._store = store
        self._log = event_log
        self._make = make
        self._fault = fault
        self._owner = owner
        self._lease_us = round(lease_s * 1e6)
        self._poll_s = poll_s
        self._workers: dict[UUID, tuple[Worker, asyncio.Task[None]]] = {}
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """There may be news in the log."""
        self._awake.set()

    async def run(self) -> None:
        """Until it is cancelled; what is ours is given up then."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                while True:
                    held = await self._store.hold(self._owner, time.time_ns() // 1000, self._lease_us, TAKEN_AT_ONCE)
                    self._follow(group, held)
                    for endpoint, ranges in (await self._store.ranges(tuple(self._workers))).items():
                        self._workers[endpoint][0].offer(ranges)
                    await asyncio.sleep(HOLD_S)
        except* LogUnavailable as away:
            raise LogUnavailable("webhooks wait for the store") from away
        finally:
            self._workers.clear()
            with contextlib.suppress(LogUnavailable):
                await self._store.release(self._owner)

    def _follow(self, group: asyncio.TaskGroup, held: tuple[Endpoint, ...]) -> None:
        """Starts, changes and stops workers so that they are those of the endpoints held."""
        ours = {endpoint.id: endpoint for endpoint in held}
        for id_, (worker, task) in tuple(self._workers.items()):
            if id_ not in ours or task.done():
                task.cancel()
                del self._workers[id_]
            else:
                worker.endpoint = ours[id_]
        for id_, endpoint in ours.items():
            if id_ not in self._workers:
                worker = self._make(endpoint)
                self._workers[id_] = worker, group.create_task(self._work(worker))
                self._awake.set()

    async def _work(self, worker: Worker) -> None:
        """A worker that ends is started again in the next round, if the endpoint is still ours."""
        endpoint = str(worker.endpoint.id)
        try:
            await worker.run()
        except* LeaseLost as lost:
            log.warning("webhook_lost", endpoint=endpoint, reason=str(lost.exceptions[0]))
        except* LogUnavailable as away:
            log.warning("webhook_waits", endpoint=endpoint, error=str(away.exceptions[0]))
        except* Exception as error:
            self._fault(error)

    async def _watch(self) -> None:
        """Tells the workers where the log's shards stand."""
        while True:
            self._awake.clear()
            heads = await self._log.shard_heads()
            for worker, _ in self._workers.values():
                worker.heads(heads)
            await asyncio.sleep(WOKEN_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._awake.wait()
