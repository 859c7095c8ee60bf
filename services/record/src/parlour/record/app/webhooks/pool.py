"""The pool of workers: which endpoints this process delivers to, one worker for each, so that none delays another.

Leases in the store share the endpoints among processes. A lease is renewed every `RENEW_EVERY_S`; a process that dies leaves its
endpoints to others when its leases end. Each write of a worker checks the lease in its own transaction, so that two processes can both
send only what one had under way.
"""

import asyncio
import contextlib
from collections.abc import Callable
from uuid import UUID

from parlour.kernel.decider import Clock
from parlour.kernel.log import EventLog, LogUnavailable
from parlour.record.app.pacing import wait_at_most
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.runtime.telemetry.logging import logger

from .ports import DeliveryStore, LeaseLost
from .worker import Worker

RENEW_EVERY_S = 1.0
LEASES_PER_ROUND = 8
"""Endpoints taken in one round: replicas that start together share them."""
WAKE_EVERY_S = 0.05
"""A wake-up is acted on at most this often."""

log = logger(__name__)
MakeWorker = Callable[[Endpoint], Worker]
Fault = Callable[[BaseException], None]


class WorkerPool:
    """`run` is the endless work of every replica; `wake` is called whenever NATS carries an event."""

    def __init__(
        self, store: DeliveryStore, event_log: EventLog, make_worker: MakeWorker, fault: Fault, clock: Clock, *,
        owner: str, lease_s: float, poll_s: float,
    ) -> None:  # fmt: skip
        self._store = store
        self._log = event_log
        self._make_worker = make_worker
        self._fault = fault
        self._clock = clock
        self._owner = owner
        self._lease_us = round(lease_s * 1e6)
        self._poll_s = poll_s
        self._workers: dict[UUID, tuple[Worker, asyncio.Task[None]]] = {}
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Has the log's heads read soon."""
        self._awake.set()

    async def run(self) -> None:
        """Runs the workers until it is cancelled, then ends the leases. Raises `LogUnavailable` when the store is away."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_heads())
                while True:
                    endpoints = await self._store.renew_leases(
                        self._owner, self._clock.at(), self._lease_us, LEASES_PER_ROUND
                    )
                    self._update_workers(group, endpoints)
                    for endpoint, redrives in (await self._store.redrives(tuple(self._workers))).items():
                        self._workers[endpoint][0].add_redrives(redrives)
                    await asyncio.sleep(RENEW_EVERY_S)
        except* LogUnavailable as away:
            raise LogUnavailable("webhooks wait for the store") from away
        finally:
            self._workers.clear()
            with contextlib.suppress(LogUnavailable):
                await self._store.release_leases(self._owner)

    def _update_workers(self, group: asyncio.TaskGroup, endpoints: tuple[Endpoint, ...]) -> None:
        """Starts, updates and stops workers so that they are those of `endpoints`."""
        ours = {endpoint.id: endpoint for endpoint in endpoints}
        for id_, (worker, task) in tuple(self._workers.items()):
            if id_ not in ours or task.done():
                task.cancel()
                del self._workers[id_]
            else:
                worker.endpoint = ours[id_]
        for id_, endpoint in ours.items():
            if id_ not in self._workers:
                worker = self._make_worker(endpoint)
                self._workers[id_] = worker, group.create_task(self._run_worker(worker))
                self._awake.set()

    async def _run_worker(self, worker: Worker) -> None:
        """Runs a worker; one that ends is started again in the next round, if the endpoint is still ours."""
        endpoint = str(worker.endpoint.id)
        try:
            await worker.run()
        except* LeaseLost as lost:
            log.warning("webhook_lost", endpoint=endpoint, reason=str(lost.exceptions[0]))
        except* LogUnavailable as away:
            log.warning("webhook_waits", endpoint=endpoint, error=str(away.exceptions[0]))
        except* Exception as error:
            self._fault(error)

    async def _watch_heads(self) -> None:
        """Passes the heads of the log's shards to the workers."""
        while True:
            self._awake.clear()
            heads = await self._log.shard_heads()
            for worker, _ in self._workers.values():
                worker.update_heads(heads)
            await asyncio.sleep(WAKE_EVERY_S)
            await wait_at_most(self._awake, self._poll_s)
