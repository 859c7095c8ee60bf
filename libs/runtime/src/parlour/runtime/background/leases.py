"""Leases: one replica at a time does work that only one needs to do.

A lease is a Postgres advisory lock on a connection of its own: it ends with the process, and with a stalled holder, whose connection
Postgres closes after `IDLE_TIMEOUT_S` of silence. It saves work; correctness rests on command ids and versions, as for every writer.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from parlour.contracts.subjects import fnv1a_32
from parlour.kernel.log import LogUnavailable

LOCK_SPACE = 0x7061726C
"""The first key of all leases' locks ("parl"), which keeps them apart from others' advisory locks."""
RETRY_S = 1.0
CHECK_S = 2.0
IDLE_TIMEOUT_S = 8.0
"""Four checks: a busy machine may delay one or two."""

Lease = Callable[[str], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _always(_name: str) -> AsyncGenerator[None]:
    yield


always: Lease = _always
"""Every replica works."""


def keys_of(name: str) -> tuple[int, int]:
    """Returns the two keys of a lease's advisory lock."""
    return LOCK_SPACE, int.from_bytes(fnv1a_32(name.encode()).to_bytes(4), signed=True)


def advisory(dsn: str) -> Lease:
    """Makes leases that one replica holds while the others wait. `LogUnavailable` if the connection, and so the lease, is lost."""

    @asynccontextmanager
    async def lease(name: str) -> AsyncGenerator[None]:
        connection = await _connect(dsn)
        try:
            # asked for again rather than waited for, so that pg_stat_activity shows no session that waits for days
            while not await _try_lock(connection, name):  # noqa: ASYNC110
                await asyncio.sleep(RETRY_S * random.uniform(0.5, 1.5))
            async with _while_alive(connection):
                yield
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=1.0)

    return lease


async def _connect(dsn: str) -> Any:
    import asyncpg

    silent = {"idle_session_timeout": str(int(IDLE_TIMEOUT_S * 1000))}
    with _unavailable("no connection for a lease"):
        return await asyncpg.connect(dsn, timeout=5.0, command_timeout=5.0, server_settings=silent)


async def _try_lock(connection: Any, name: str) -> bool:
    with _unavailable("a lease was not asked for"):
        return await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *keys_of(name))


@contextlib.contextmanager
def _unavailable(what: str) -> Generator[None]:
    """Raises `LogUnavailable` when the database does not answer, answers with an error, or closes the connection."""
    import asyncpg

    try:
        yield
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:  # a TimeoutError is an OSError
        raise LogUnavailable(f"{what}: {type(error).__name__}") from error


@asynccontextmanager
async def _while_alive(connection: Any) -> AsyncGenerator[None]:
    """Ends the block with `LogUnavailable` once the connection is gone: another replica may hold the lease then.

    A cancellation passes even when the connection is lost at the same moment: a TaskGroup before Python 3.13 raises only the loss.
    """
    task = asyncio.current_task()
    try:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(connection))
            yield
            watch.cancel()
    except* LogUnavailable as lost:
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from lost
        raise lost.exceptions[0] from None


async def _watch(connection: Any) -> None:
    while True:
        await asyncio.sleep(CHECK_S)
        try:
            await connection.fetchval("SELECT 1")
        except Exception as error:
            raise LogUnavailable("the lease's connection is gone") from error
