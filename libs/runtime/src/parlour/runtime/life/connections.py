"""What most services open first, in order: metrics, NATS, Postgres, the log with its people, and the committer.

async with connected(settings, "room") as to:
    to.bus, to.log, to.people, to.committer, to.metrics, to.pool
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import stamina

from parlour.kernel.log import EventLog, LogUnavailable
from parlour.kernel.sealing import People
from parlour.runtime.background.erasures import heeded
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.telemetry.metrics import Metrics

from .settings import RuntimeSettings


class Connections(msgspec.Struct):
    """Open until the block ends. `checks` are ready to be given to `process.Service`."""

    metrics: Metrics
    bus: Bus
    pool: Any
    log: EventLog
    people: People
    committer: Committer
    checks: dict[str, Callable[[], bool]]


@asynccontextmanager
async def connected(settings: RuntimeSettings, name: str) -> AsyncGenerator[Connections]:
    """Opens all, waiting up to a minute for servers that start beside us.

    Leaving: endpoints first, then drafts under way, then the pool.
    """
    from parlour.runtime.postgres import PostgresLog, PostgresPeople  # asyncpg is imported only where the log is used

    metrics = Metrics(name)
    async with AsyncExitStack() as stack:
        pool = await _pool(settings.postgres_dsn, name)
        stack.push_async_callback(pool.close)
        bus = await stack.enter_async_context(await Bus.connect(settings, name, metrics))
        log = PostgresLog(pool)
        people = PostgresPeople(pool, settings.master_key)
        committer = await stack.enter_async_context(Committer(log, people, bus, metrics))
        await stack.enter_async_context(heeded(bus, people, people.erased_lately))
        stack.push_async_callback(bus.drain)
        yield Connections(metrics, bus, pool, log, people, committer, {"bus": lambda: bus.connected})


@stamina.retry(on=LogUnavailable, attempts=None, timeout=60.0, wait_initial=0.1, wait_max=2.0)
async def _pool(dsn: str, name: str) -> Any:
    from parlour.runtime.postgres import create_pool

    return await create_pool(dsn, name=name)
