"""Housekeeping of the log's tables, by functions of `migrations` that only this service's role may call, and the list of damaged events,
whose rows are added and never changed.
"""

import time
from collections.abc import Sequence

from parlour.record.app.damaged_events import PROBLEM_CHARACTERS, DamagedEvent
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


_ADD = (
    "INSERT INTO parlour.damaged (room_uid, seq, reader, type, problem, found_at) "
    "SELECT d.room_uid, d.seq, $3, d.type, d.problem, $6 FROM unnest($1::uuid[], $2::bigint[], $4::text[], $5::text[]) "
    "AS d(room_uid, seq, type, problem) ON CONFLICT DO NOTHING"
)
_NUL = "\0"


class PostgresDamagedEvents(PostgresStore):
    """Implements `app.damaged_events.DamagedEvents` in Postgres."""

    async def add(self, reader: str, events: Sequence[DamagedEvent]) -> None:
        columns = (
            [one.room_uid for one in events], [one.seq for one in events], reader, [one.type for one in events],
            [one.problem[:PROBLEM_CHARACTERS].replace(_NUL, "?") for one in events], time.time_ns() // 1000,
        )  # fmt: skip
        await self._execute(_ADD, *columns)
