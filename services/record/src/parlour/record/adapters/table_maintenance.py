"""Housekeeping of the log's tables, by functions of `migrations` that only this service's role may call."""

from parlour.runtime.postgres.pool import PostgresStore, borrow


class PostgresTableMaintenance(PostgresStore):
    """Implements `app.maintenance.TableMaintenance` in Postgres."""

    async def make_partitions(self, months_ahead: int) -> tuple[str, ...]:
        """Makes partitions of the log, of history and of quality samples."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch("SELECT parlour.make_partitions($1) AS name", months_ahead)
            await connection.execute("SELECT history.mirror_partitions(number) FROM history.generation")
            await connection.execute("SELECT history.make_quality_partitions($1)", months_ahead)
        return tuple(row["name"] for row in rows)

    async def drop_quality(self, before_us: int) -> tuple[str, ...]:
        rows = await self._fetch("SELECT history.drop_quality($1) AS name", before_us)
        return tuple(row["name"] for row in rows)

    async def purge_commands(self, before_us: int, at_most: int) -> int:
        return await self._fetch_value("SELECT parlour.purge_commands($1, $2)", before_us, at_most)
