"""The generations of the projections in Postgres, by functions of `migrations`."""

from parlour.contracts.history import Generation
from parlour.runtime.postgres.pool import Pool, borrow

_LIST = "SELECT number, version, active, begun_at FROM history.generation ORDER BY number"
_FOLDED = "SELECT coalesce(sum(pos), 0)::bigint FROM {schema}.cursor"
_TOTAL = "SELECT coalesce(sum(pos), 0)::bigint FROM parlour.shard"


class PostgresGenerations:
    """Implements `app.history.generations.GenerationStore` in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def all(self) -> tuple[Generation, ...]:
        async with borrow(self._pool) as connection:
            total = await connection.fetchval(_TOTAL)
            return tuple([
                Generation(
                    row["number"], row["version"], row["active"],
                    await connection.fetchval(_FOLDED.format(schema=f"history_{row['number']}")), total, row["begun_at"],
                )
                for row in await connection.fetch(_LIST)
            ])  # fmt: skip

    async def begin(self, version: int) -> int:
        async with borrow(self._pool) as connection:
            return await connection.fetchval("SELECT history.begin($1)", version)

    async def activate(self, number: int) -> None:
        async with borrow(self._pool) as connection:
            await connection.execute("SELECT history.activate($1)", number)

    async def drop(self, number: int) -> None:
        async with borrow(self._pool) as connection:
            await connection.execute("SELECT history.drop($1)", number)
