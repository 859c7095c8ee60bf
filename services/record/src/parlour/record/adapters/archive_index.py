"""Index of archived calls, from the rows that stay in Postgres when events are dropped."""

from uuid import UUID

from parlour.contracts.history import ArchivedCalls
from parlour.record.app.archive_index import ArchivedCall, EndedCall
from parlour.record.domain.retention import month_label
from parlour.runtime.postgres.pool import Pool, borrow

_FIND = (
    "SELECT d.room_uid, d.app, d.room, d.seq, d.hash, a.file FROM parlour.archived d JOIN parlour.archive a ON a.number = d.archive "
    "WHERE d.room_uid = $1 AND a.dropped_at IS NOT NULL"
)
_CALLS = (
    "SELECT a.month, a.file, count(*) AS calls FROM parlour.archived d JOIN parlour.archive a ON a.number = d.archive "
    "WHERE d.app = $1 AND ($2 = '' OR d.room = $2) AND a.dropped_at IS NOT NULL "
    "AND d.room_uid >= parlour.uuid_floor(to_timestamp($3 / 1000000.0)) AND d.room_uid < parlour.uuid_floor(to_timestamp($4 / 1000000.0)) "
    "GROUP BY a.number ORDER BY a.number DESC"
)
_YEAR_2286_US = 10**16


class PostgresArchiveIndex:
    """Implements `app.archive_index.ArchiveIndex` in Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, room_uid: UUID) -> ArchivedCall | None:
        async with borrow(self._pool) as connection:
            row = await connection.fetchrow(_FIND, room_uid)
        return None if row is None else ArchivedCall(EndedCall(*row[:5]), row["file"])

    async def calls(self, app: int, room: str, from_at: int, to_at: int) -> tuple[ArchivedCalls, ...]:
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_CALLS, app, room, from_at, to_at or _YEAR_2286_US)
        return tuple(ArchivedCalls(month_label(row["month"]), row["file"], row["calls"]) for row in rows)
