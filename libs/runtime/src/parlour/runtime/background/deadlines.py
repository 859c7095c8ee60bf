"""Deadlines: rows that become due, each handed to one replica for a while.

The handler does what is due and clears the row in its own unit (`Deadline(service, key, None)`), so that both happen or neither. A row that
it does not clear comes again when the lease ends. Its command takes its id from `clock.due_id(service, key, due_at)`.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from parlour.kernel.log import DueDeadline, EventLog, LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemClock
from parlour.runtime.messaging.bus import Unavailable
from parlour.runtime.retry import wait_at_most
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

POLL_S = 0.25
LEASE_US = 10_000_000
"""A replica that dies gives its rows back after this; a handler that takes longer is done twice, harmlessly."""
MAX_PER_POLL = 64

log = logger(__name__)
Handler = Callable[[DueDeadline], Awaitable[None]]


@dataclass(eq=False)
class DeadlineLoop:
    """Use as `async with loop.running():` inside the service's build."""

    service: str
    _log: EventLog
    _handler: Handler
    _metrics: Metrics
    poll_s: float = POLL_S

    def __post_init__(self) -> None:
        self._outcomes = {
            outcome: self._metrics.deadlines.labels(outcome) for outcome in ("done", "rejected", "failed")
        }

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Handles deadlines until the block ends; the handlers that run then are finished first."""
        stop = asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def _run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            full = False
            try:
                due = await self._log.due(self.service, SystemClock().at(), MAX_PER_POLL, LEASE_US)
                full = len(due) == MAX_PER_POLL
                await asyncio.gather(*(self._handle(deadline) for deadline in due))
            except LogUnavailable as error:
                log.warning("deadlines_wait", error=str(error))
            except Exception as error:
                self._metrics.faults.labels("deadlines").inc()
                log.error("fault", where="deadlines", error=repr(error), exc_info=error)
            if not full:
                await wait_at_most(stop, self.poll_s * random.uniform(0.8, 1.2))

    async def _handle(self, deadline: DueDeadline) -> None:
        try:
            await self._handler(deadline)
            self._outcomes["done"].inc()
        except (LogUnavailable, Unavailable) as error:
            log.warning("deadline_waits", service=self.service, error=str(error))
        except Rejection as rejection:
            self._outcomes["rejected"].inc()
            log.info("deadline_rejected", service=self.service, code=rejection.problem.code)
        except Exception as error:
            self._outcomes["failed"].inc()
            self._metrics.faults.labels("deadlines").inc()
            log.error("fault", where="deadlines", error=repr(error), exc_info=error)
