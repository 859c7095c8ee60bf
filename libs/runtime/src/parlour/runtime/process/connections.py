"""The connections that most services open first, in order: metrics, NATS, Postgres, the log with its user keys, and the committer.

async with open_connections(settings, "room") as conns:
    conns.bus, conns.log, conns.people, conns.committer, conns.metrics, conns.pool
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from parlour.kernel.log import EventLog, LogUnavailable
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.background.erasures import watch_erasures
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.retry import RetryPolicy
from parlour.runtime.settings import RuntimeSettings
from parlour.runtime.telemetry.metrics import Metrics

SERVER_START_S = 60.0
STARTING = RetryPolicy(first_s=0.1, max_s=2.0)


class Connections(msgspec.Struct):
    """Open until the block ends. `checks` are the readiness checks for `run.Service`."""

    metrics: Metrics
    bus: Bus
    pool: Any
    log: EventLog
    people: UserKeyStore
    committer: Committer
    checks: dict[str, Callable[[], bool]]


@asynccontextmanager
async def open_connections(settings: RuntimeSettings, name: str) -> AsyncGenerator[Connections]:
    """Opens all connections, and waits up to a minute for servers that are still starting.

    At the end it drains the endpoints first, then the committer, then it closes the pool.
    """
    from parlour.runtime.postgres import (  # asyncpg is imported only where the log is used
        PostgresLog,
        PostgresUserKeyStore,
    )
    from parlour.runtime.postgres.pool import FAILURES

    metrics = Metrics(name)
    metrics.registry.register(FAILURES)
    async with AsyncExitStack() as stack:
        pool = await _open_pool(settings.postgres_dsn, name)
        stack.push_async_callback(pool.close)
        bus = await stack.enter_async_context(await Bus.connect(settings, name, metrics))
        log = PostgresLog(pool)
        people = PostgresUserKeyStore(pool, settings.master_key)
        committer = await stack.enter_async_context(Committer(log, people, bus))
        await stack.enter_async_context(watch_erasures(bus, people, people.erased_within))
        stack.push_async_callback(bus.drain)
        yield Connections(metrics, bus, pool, log, people, committer, {"bus": lambda: bus.connected})


async def _open_pool(dsn: str, name: str) -> Any:
    from parlour.runtime.postgres import create_pool

    return await STARTING.retry(lambda: create_pool(dsn, name=name), LogUnavailable, SERVER_START_S)
