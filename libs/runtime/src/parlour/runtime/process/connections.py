"""The connections that most services open first, in order: metrics, NATS, Postgres, the log with its user keys, and the committer.

async with open_connections(settings, "room") as conns:
    conns.bus, conns.log, conns.people, conns.committer, conns.metrics, conns.pool
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from parlour.kernel.log import EventLog, LogUnavailable
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.background.erasures import watch_erasures
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import RuntimeSettings
from parlour.runtime.startup import STARTING, awaiting
from parlour.runtime.telemetry.log_throttle import LogThrottle
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

SCHEMA = "SELECT to_regclass('parlour.event') IS NOT NULL"

log = logger(__name__)


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
    """Opens all connections, and waits up to `start_timeout_s` each for Postgres with its schema and for NATS.

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
        pool = await _await_pool(settings, name)
        stack.push_async_callback(pool.close)
        bus = await stack.enter_async_context(await Bus.connect(settings, name, metrics))
        log = PostgresLog(pool)
        people = PostgresUserKeyStore(pool, settings.master_key)
        committer = await stack.enter_async_context(Committer(log, people, bus))
        await stack.enter_async_context(watch_erasures(bus, people, people.erased_within))
        stack.push_async_callback(bus.drain)
        yield Connections(metrics, bus, pool, log, people, committer, {"bus": lambda: bus.connected})


async def _await_pool(settings: RuntimeSettings, name: str) -> Any:
    """Opens the pool once Postgres lets the service in and has the schema, which a migration may still be making."""
    from parlour.runtime.postgres import create_pool
    from parlour.runtime.postgres.pool import borrow

    throttle = LogThrottle(time.monotonic)

    async def attempt() -> Any:
        try:
            pool = await create_pool(settings.postgres_dsn, name=name)
            async with AsyncExitStack() as stack:
                stack.push_async_callback(pool.close)
                async with borrow(pool) as connection:
                    if not await connection.fetchval(SCHEMA):
                        raise LogUnavailable("the database has no schema yet: python -m parlour.cli.migrate makes it")
                stack.pop_all()
            return pool
        except LogUnavailable as error:
            if (left_out := throttle.admit("postgres")) is not None:
                log.warning("postgres_awaited", error=str(error), left_out=left_out)
            raise

    with awaiting("postgres"):
        return await STARTING.retry(attempt, LogUnavailable, settings.start_timeout_s)
