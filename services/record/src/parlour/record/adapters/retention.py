"""Months and archives in Postgres, and the index of archived calls, by functions of `migrations` that only this service's role may call."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from parlour.contracts.history import ArchivedCalls
from parlour.contracts.retention import Blocker
from parlour.kernel.log import LogUnavailable
from parlour.record.app.archive_index import ArchivedCall, EndedCall
from parlour.record.app.retention.ports import (
    LEASE,
    DropBlocked,
    DropLocked,
    LogChanged,
    MonthCount,
    StoredArchive,
    WrittenArchive,
)
from parlour.record.domain.retention import month_label
from parlour.runtime.background.leases import keys_of
from parlour.runtime.postgres.pool import Connection, PostgresStore, borrow

STATEMENT_TIMEOUT_S = 900.0
"""Counting or dropping a month takes minutes where it has millions of calls; others wait only for the last fifth of a second."""
_COUNT = "SELECT * FROM parlour.month_census($1, $2)"
_BLOCKERS = "SELECT * FROM parlour.retention_blockers($1, $2)"
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
        space, number = keys_of(LEASE)
        return await self._fetch_value(_BUSY, space, number % 2**32)

    async def months(self) -> tuple[str, ...]:
        async with self._long_transaction() as connection:
            return tuple(
                [row[0] for row in await connection.fetch("SELECT parlour.months()", timeout=STATEMENT_TIMEOUT_S)]
            )

    async def count(self, month: str, before_us: int) -> MonthCount:
        async with self._long_transaction() as connection:
            row = await connection.fetchrow(_COUNT, month, before_us, timeout=STATEMENT_TIMEOUT_S)
        assert row is not None
        return MonthCount(row["calls"], row["ended"], row["open"])

    async def blockers(self, month: str, before_us: int) -> tuple[Blocker, ...]:
        async with self._long_transaction() as connection:
            rows = await connection.fetch(_BLOCKERS, month, before_us, timeout=STATEMENT_TIMEOUT_S)
        return tuple(Blocker(row["kind"], row["app"], row["what"]) for row in rows)

    async def ended_calls(self, month: str, before_us: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        async with self._long_transaction() as connection:
            rows = await connection.fetch(_ENDED, month, before_us, after, limit, timeout=STATEMENT_TIMEOUT_S)
        return [EndedCall(*row) for row in rows]

    async def archived_calls(self, number: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        return [EndedCall(*row) for row in await self._fetch(_ARCHIVED, number, after, limit)]

    async def archives(self) -> tuple[StoredArchive, ...]:
        return tuple(StoredArchive(*row) for row in await self._fetch(_ARCHIVES))

    async def add(self, month: str, before_us: int, written: WrittenArchive, by: str) -> StoredArchive:
        file = (written.file, written.sha256, written.size, written.events)
        columns = (month, before_us, *file, by, time.time_ns() // 1000)
        async with self._long_transaction() as connection:
            number = await connection.fetchval(_ADD, *columns, timeout=STATEMENT_TIMEOUT_S)
            row = await connection.fetchrow(_ONE, number)
        assert row is not None
        return StoredArchive(*row)

    async def refuse(self, number: int, problem: str) -> None:
        await self._execute("SELECT parlour.refuse_archive($1, $2)", number, problem)

    async def drop(self, number: int) -> None:
        try:
            async with self._long_transaction() as connection:
                await connection.execute("SELECT parlour.drop_archived($1)", number, timeout=STATEMENT_TIMEOUT_S)
        except LogUnavailable as error:
            if isinstance(error.__cause__, _LOCKED):
                raise DropLocked(str(error.__cause__)) from error
            raise
        except asyncpg.ObjectInUseError as error:
            raise DropBlocked(str(error)) from error
        except asyncpg.InvalidParameterValueError as error:
            raise LogChanged(str(error)) from error

    async def forget(self, number: int) -> None:
        async with self._long_transaction() as connection:
            await connection.execute("SELECT parlour.forget_archived($1)", number, timeout=STATEMENT_TIMEOUT_S)

    @asynccontextmanager
    async def _long_transaction(self) -> AsyncGenerator[Connection]:
        """Begins a transaction whose statements may take `STATEMENT_TIMEOUT_S`; each is given that as its client's timeout, too."""
        async with borrow(self._pool) as connection, connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{int(STATEMENT_TIMEOUT_S)}s'")
            yield connection


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
        return tuple(ArchivedCalls(month_label(row["month"]), row["file"], row["calls"]) for row in rows)
