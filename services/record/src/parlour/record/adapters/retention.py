"""Months and archives in Postgres, and the index of archived calls, by functions of `migrations` that only this service's role may call."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from parlour.contracts.history import ArchivedCalls
from parlour.contracts.retention import Blocker
from parlour.kernel.log import LogUnavailable
from parlour.record.app.archive_index import ArchivedCall, EndedCall
from parlour.record.app.retention import ports
from parlour.record.domain.retention import month_label
from parlour.runtime.background.leases import keys_of
from parlour.runtime.postgres.pool import PostgresStore, borrow

STATEMENT_TIMEOUT_S = 900.0
"""Counting or dropping a month takes minutes where it has millions of calls; others wait only for the last fifth of a second."""
_COUNT = "SELECT calls, ended, open FROM parlour.month_census($1, $2)"
_BLOCKERS = "SELECT kind, app, what FROM parlour.retention_blockers($1, $2)"
_ENDED = "SELECT uid, app, room, seq, hash FROM parlour.ended_calls($1, $2, $3, $4) ORDER BY uid"
_ARCHIVED = "SELECT room_uid, app, room, seq, hash FROM parlour.archived WHERE archive = $1 AND room_uid > $2 ORDER BY room_uid LIMIT $3"
_COLUMNS = (
    "number, month, before_us, file, sha256, size, calls, events, exported_by, exported_at, "
    "coalesce(dropped_at, 0), forgotten, problem"
)
_ARCHIVES = f"SELECT {_COLUMNS} FROM parlour.archive ORDER BY number DESC"
_ONE = f"SELECT {_COLUMNS} FROM parlour.archive WHERE number = $1"
_ADD = "SELECT parlour.note_archive($1, $2, $3, $4, $5, $6, $7, $8)"
_BUSY = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid::bigint = $1 AND objid::bigint = $2 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)
_LOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


class PostgresRetention(PostgresStore):
    """Implements `app.retention.ports.RetentionStore` in Postgres."""

    async def is_leased(self) -> bool:
        space, number = keys_of(ports.LEASE)
        return await self._fetch_value(_BUSY, space, number % 2**32)

    async def months(self) -> tuple[str, ...]:
        return tuple(row[0] for row in await self._fetch_long("SELECT parlour.months()"))

    async def count(self, month: str, before_us: int) -> ports.MonthCount:
        (row,) = await self._fetch_long(_COUNT, month, before_us)
        return ports.MonthCount(*row)

    async def blockers(self, month: str, before_us: int) -> tuple[Blocker, ...]:
        return tuple(Blocker(*row) for row in await self._fetch_long(_BLOCKERS, month, before_us))

    async def ended_calls(self, month: str, before_us: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        return [EndedCall(*row) for row in await self._fetch_long(_ENDED, month, before_us, after, limit)]

    async def archived_calls(self, number: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        return [EndedCall(*row) for row in await self._fetch(_ARCHIVED, number, after, limit)]

    async def archives(self) -> tuple[ports.StoredArchive, ...]:
        return tuple(ports.StoredArchive(*row) for row in await self._fetch(_ARCHIVES))

    async def add(self, month: str, before_us: int, written: ports.WrittenArchive, by: str) -> ports.StoredArchive:
        file = (written.file, written.sha256, written.size, written.events)
        ((number,),) = await self._fetch_long(_ADD, month, before_us, *file, by, time.time_ns() // 1000)
        (row,) = await self._fetch(_ONE, number)
        return ports.StoredArchive(*row)

    async def refuse(self, number: int, problem: str) -> None:
        await self._execute("SELECT parlour.refuse_archive($1, $2)", number, problem)

    async def drop(self, number: int) -> None:
        try:
            await self._fetch_long("SELECT parlour.drop_archived($1)", number)
        except LogUnavailable as error:
            if isinstance(error.__cause__, _LOCKED):
                raise ports.DropLocked(str(error.__cause__)) from error
            raise
        except asyncpg.ObjectInUseError as error:
            raise ports.DropBlocked(str(error)) from error
        except asyncpg.InvalidParameterValueError as error:
            raise ports.LogChanged(str(error)) from error

    async def forget(self, number: int) -> None:
        await self._fetch_long("SELECT parlour.forget_archived($1)", number)

    async def _fetch_long(self, statement: str, *arguments: Any) -> list[Any]:
        """Runs a statement that may take `STATEMENT_TIMEOUT_S`: the transaction allows it, and the client waits as long."""
        async with borrow(self._pool) as connection, connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{int(STATEMENT_TIMEOUT_S)}s'")
            return await connection.fetch(statement, *arguments, timeout=STATEMENT_TIMEOUT_S)


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


class PostgresArchiveIndex(PostgresStore):
    """Implements `app.archive_index.ArchiveIndex` in Postgres."""

    async def find(self, room_uid: UUID) -> ArchivedCall | None:
        row = await self._fetch_row(_FIND, room_uid)
        return None if row is None else ArchivedCall(EndedCall(*row[:5]), row["file"])

    async def calls(self, app: int, room: str, from_at: int, to_at: int) -> tuple[ArchivedCalls, ...]:
        rows = await self._fetch(_CALLS, app, room, from_at, to_at or _YEAR_2286_US)
        return tuple(ArchivedCalls(month_label(month), file, calls) for month, file, calls in rows)
