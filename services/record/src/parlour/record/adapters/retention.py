"""Months and archives in Postgres, by functions of `migrations` that only this service's role may call."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from parlour.contracts.retention import Blocker
from parlour.kernel.log import LogUnavailable
from parlour.record.app.archive_index import EndedCall
from parlour.record.app.retention.ports import (
    LEASE,
    DropBlocked,
    DropLocked,
    LogChanged,
    MonthCount,
    StoredArchive,
    WrittenArchive,
)
from parlour.runtime.background.leases import keys_of
from parlour.runtime.postgres.pool import Connection, Pool, borrow

LONGEST_S = 900.0
"""A month's census, or its drop: minutes where there are millions of lives. Others wait for none of it but the last fifth of a second."""
WHOLE_MONTHS = {"enable_seqscan": "on", "enable_hashjoin": "on", "enable_mergejoin": "on"}
"""For connections that look at whole months: there a scan may be the quick way."""
_ENDED = "SELECT uid, app, room, seq, hash FROM parlour.ended_lives($1, $2, $3, $4) ORDER BY uid"
_ARCHIVED = "SELECT room_uid, app, room, seq, hash FROM parlour.archived WHERE archive = $1 AND room_uid > $2 ORDER BY room_uid LIMIT $3"
_COLUMNS = "number, month, before_us, file, sha256, size, lives, events, by, exported_at, coalesce(dropped_at, 0), forgotten, problem"
_ARCHIVES = f"SELECT {_COLUMNS} FROM parlour.archive ORDER BY number DESC"
_ONE = f"SELECT {_COLUMNS} FROM parlour.archive WHERE number = $1"
_NOTE = "SELECT parlour.note_archive($1, $2, $3, $4, $5, $6, $7, $8)"
_BUSY = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid::bigint = $1 AND objid::bigint = $2 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)
_LOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


class PostgresRetention:
    """See `app.retention.ports.Store`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def busy(self) -> bool:
        """Whether some replica is at it."""
        space, number = keys_of(LEASE)
        async with borrow(self._pool) as connection:
            return await connection.fetchval(_BUSY, space, number % 2**32)

    async def months(self) -> tuple[str, ...]:
        """Oldest first, `default` last."""
        async with self._patiently() as connection:
            return tuple([row[0] for row in await connection.fetch("SELECT parlour.months()")])

    async def census(self, month: str, before_us: int) -> MonthCount:
        """How much of a month is due."""
        async with self._patiently() as connection:
            row = await connection.fetchrow("SELECT * FROM parlour.month_census($1, $2)", month, before_us)
        assert row is not None
        return MonthCount(row["lives"], row["ended"], row["open"])

    async def blockers(self, month: str, before_us: int) -> tuple[Blocker, ...]:
        """What stands against dropping what is due."""
        async with self._patiently() as connection:
            rows = await connection.fetch("SELECT * FROM parlour.retention_blockers($1, $2)", month, before_us)
        return tuple(Blocker(row["kind"], row["app"], row["what"]) for row in rows)

    async def ended(self, month: str, before_us: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        """Lives that are due, in the order of their ids."""
        async with self._patiently() as connection:
            return [EndedCall(*row) for row in await connection.fetch(_ENDED, month, before_us, after, limit)]

    async def archived(self, number: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        """The lives that were noted with a file, in the order of their ids."""
        async with borrow(self._pool) as connection:
            return [EndedCall(*row) for row in await connection.fetch(_ARCHIVED, number, after, limit)]

    async def archives(self) -> tuple[StoredArchive, ...]:
        """Newest first."""
        async with borrow(self._pool) as connection:
            return tuple(StoredArchive(*row) for row in await connection.fetch(_ARCHIVES))

    async def note(self, month: str, before_us: int, written: WrittenArchive, by: str) -> StoredArchive:
        """Gives it its number."""
        columns = (
            month,
            before_us,
            written.file,
            written.sha256,
            written.size,
            written.events,
            by,
            time.time_ns() // 1000,
        )
        async with self._patiently() as connection:
            row = await connection.fetchrow(_ONE, await connection.fetchval(_NOTE, *columns))
        assert row is not None
        return StoredArchive(*row)

    async def refuse(self, number: int, problem: str) -> None:
        """Nothing is to be dropped for this file."""
        async with borrow(self._pool) as connection:
            await connection.execute("SELECT parlour.refuse_archive($1, $2)", number, problem)

    async def drop(self, number: int) -> None:
        """The events are gone when it returns; `Busy`, `Held` or `Changed` where they are not."""
        try:
            async with self._patiently() as connection:
                await connection.execute("SELECT parlour.drop_archived($1)", number)
        except LogUnavailable as error:
            if isinstance(error.__cause__, _LOCKED):
                raise DropLocked(str(error.__cause__)) from error
            raise
        except asyncpg.ObjectInUseError as error:
            raise DropBlocked(str(error)) from error
        except asyncpg.InvalidParameterValueError as error:
            raise LogChanged(str(error)) from error

    async def forget(self, number: int) -> None:
        """History tells of these calls no more."""
        async with self._patiently() as connection:
            await connection.execute("SELECT parlour.forget_archived($1)", number)

    @asynccontextmanager
    async def _patiently(self) -> AsyncGenerator[Connection]:
        """A transaction whose statements may take `LONGEST_S`."""
        async with borrow(self._pool) as connection, connection.transaction():
            patient: Any = _Patient(connection)
            await connection.execute(f"SET LOCAL statement_timeout = '{int(LONGEST_S)}s'")
            yield patient


class _Patient:
    """A connection that waits for an answer as long as the server works on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, question: str, *arguments: Any) -> list[asyncpg.Record]:
        return await self._connection.fetch(question, *arguments, timeout=LONGEST_S)

    async def fetchrow(self, question: str, *arguments: Any) -> asyncpg.Record | None:
        return await self._connection.fetchrow(question, *arguments, timeout=LONGEST_S)

    async def fetchval(self, question: str, *arguments: Any) -> Any:
        return await self._connection.fetchval(question, *arguments, timeout=LONGEST_S)

    async def execute(self, question: str, *arguments: Any) -> str:
        return await self._connection.execute(question, *arguments, timeout=LONGEST_S)
