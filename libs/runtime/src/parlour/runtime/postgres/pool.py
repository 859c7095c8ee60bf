"""Connection pools of the services, and the one place where database errors become `LogUnavailable`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from prometheus_client import Counter

from parlour.kernel.log import LogUnavailable

Pool = asyncpg.Pool
Connection = asyncpg.Connection

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 10.0

SETTINGS = {
    "timezone": "UTC",
    "jit": "off",
    "synchronous_commit": "on",  # an acknowledgement before the flush would be a lie; nobody's defaults may change that
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "10000",
}

LOOKUP_PLANS = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
"""The planner settings of every pool that does not ask for others. Services look rows up by key, and so do `parlour.append` and
`parlour.append_one`, which are planned once per connection: a plan that was made while a table was small, or that guesses a thousand rows
from an array of three, must not scan a table of millions. They stand here alone; no SQL function repeats them."""

SCAN_PLANS: dict[str, str] = {}
"""For a pool whose queries read whole months: Postgres's own choice, which may be a scan."""

FAILURES = Counter(
    "parlour_database_failures", "Work that Postgres did not do: it was away, silent or refused it.", registry=None
)
"""Of this process, whichever of its pools failed; `open_connections` adds it to the process's metrics."""

_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


async def create_pool(
    dsn: str, *, name: str, min_size: int = 1, max_size: int = 4, planner: Mapping[str, str] = LOOKUP_PLANS
) -> Pool:
    """Opens a pool that gives up on a silent server after seconds; `name` shows in pg_stat_activity, `planner` has its settings."""

    async def keep(connection: Any) -> None:
        """Instead of asyncpg's reset on release, which costs a round trip: nothing here changes a session's state."""

    settings = SETTINGS | {"application_name": f"parlour-{name}"} | dict(planner)
    async with unavailable():
        return await asyncpg.create_pool(
            dsn, min_size=min_size, max_size=max_size, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S,
            server_settings=settings, reset=keep, max_inactive_connection_lifetime=0,
        )  # fmt: skip


@asynccontextmanager
async def unavailable() -> AsyncIterator[None]:
    """Raises `LogUnavailable` for temporary failures; errors of the call itself pass unchanged."""
    try:
        yield
    except _UNAVAILABLE as error:
        if isinstance(error, ValueError):  # asyncpg's complaint about an argument: the caller's mistake
            raise
        FAILURES.inc()
        raise LogUnavailable(f"{type(error).__name__}: {error}") from error


@asynccontextmanager
async def borrow(pool: Pool) -> AsyncIterator[Connection]:
    """Borrows a connection for a few statements, with failures translated as by `unavailable`."""
    async with unavailable(), pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
        try:
            yield connection  # pyright: ignore[reportReturnType] the pool's proxy has the connection's methods
        except asyncpg.InternalClientError:
            # asyncpg lost count of its own protocol, as it may when a connection is cut while a statement is prepared
            connection.terminate()
            raise


class PostgresStore:
    """Base of the stores of services: each of its methods runs one statement on a connection of the pool, as by `borrow`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _fetch(self, statement: str, *arguments: Any) -> list[Any]:
        async with borrow(self._pool) as connection:
            return await connection.fetch(statement, *arguments)

    async def _fetch_row(self, statement: str, *arguments: Any) -> Any | None:
        async with borrow(self._pool) as connection:
            return await connection.fetchrow(statement, *arguments)

    async def _fetch_value(self, statement: str, *arguments: Any) -> Any:
        async with borrow(self._pool) as connection:
            return await connection.fetchval(statement, *arguments)

    async def _execute(self, statement: str, *arguments: Any) -> None:
        async with borrow(self._pool) as connection:
            await connection.execute(statement, *arguments)
