"""The projections in Postgres: the tables of one generation, written by COPY and by upserts, and the list of generations."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from parlour.contracts.history import Generation
from parlour.record.app.history.projector import CursorConflict, LoggedEvent, RowRejected
from parlour.record.domain.projections.calls import CallFold
from parlour.record.domain.projections.rows import TABLES, CallRow, Row, Rows, columns
from parlour.runtime.postgres.pool import Connection, Pool, PostgresStore, borrow

_HEADS = "SELECT shard, pos FROM parlour.shard WHERE pos > 0"
_READ = (
    "SELECT c.shard, e.pos, e.room_uid, e.seq, e.appended_at, e.type, e.env "
    "FROM unnest($1::smallint[], $2::bigint[]) AS c(shard, pos) CROSS JOIN LATERAL "
    "(SELECT f.pos, f.room_uid, f.seq, f.appended_at, f.type, f.env FROM parlour.event f WHERE f.shard = c.shard AND f.pos > c.pos "
    "ORDER BY f.pos LIMIT $3) e LIMIT $3"
)
_OPEN = {
    "participant": "",
    "session": "AND left_seq IS NULL ORDER BY room_uid, joined_seq",
    "stream": "AND removed_seq IS NULL ORDER BY room_uid, added_seq",
    "play": "AND stopped_seq IS NULL",
    "messages": "AND started_at >= (SELECT c.last_event_at - c.last_event_at % 10000000 FROM"
    " {schema}.call c WHERE c.room_uid = m.room_uid)",
}
"""Selects of each table the rows of a call that may still change."""
_REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    OverflowError,
)
"""Errors of a row that the tables refuse: a number beyond its column, a text too long for an index."""
_TYPES = {"int": "bigint", "str": "text", "bool": "boolean", "UUID": "uuid"}


class PostgresProjections:
    """Implements `app.history.projector.ProjectionStore` for one generation."""

    def __init__(self, pool: Pool, number: int) -> None:
        self._pool = pool
        self._schema = f"history_{number}"
        self._upserts = {table: _upsert(self._schema, table, kind, key) for table, kind, key in TABLES}

    async def cursors(self) -> dict[int, int]:
        async with self._borrow() as connection:
            return {row[0]: row[1] for row in await connection.fetch(f"SELECT shard, pos FROM {self._schema}.cursor")}

    async def heads(self) -> dict[int, int]:
        async with self._borrow() as connection:
            return {row[0]: row[1] for row in await connection.fetch(_HEADS)}

    async def read(self, after: Mapping[int, int], limit: int) -> list[LoggedEvent]:
        """Reads shard after shard: a call's events come together, so that most rows are written once."""
        async with self._borrow() as connection:
            rows = await connection.fetch(_READ, list(after), list(after.values()), limit)
        return [LoggedEvent(*row) for row in rows]

    async def load(self, room_uids: list[UUID]) -> dict[UUID, tuple[CallFold, Rows]]:
        found: dict[UUID, tuple[CallFold, Rows]] = {}
        async with self._borrow() as connection:
            for call in await self._rows(connection, "call", CallRow, room_uids, ""):
                found[call.room_uid] = (CallFold(call), Rows())
            for table, kind, _ in TABLES[1:]:
                for row in await self._rows(connection, table, kind, room_uids, _OPEN[table]):
                    found[row.room_uid][1].of_table(table).append(row)
        return found

    async def _rows(
        self, connection: Connection, table: str, kind: type[Any], uids: list[UUID], rest: str
    ) -> list[Any]:
        question = f"SELECT {', '.join(columns(kind))} FROM {self._schema}.{table} m WHERE room_uid = ANY($1::uuid[]) "
        found = await connection.fetch(question + rest.format(schema=self._schema), uids)
        return [kind(*row, stored=True) for row in found]

    async def write(self, rows: Rows, moved: Mapping[int, tuple[int, int]]) -> None:
        async with self._borrow() as connection, connection.transaction():
            await self._move(connection, moved)
            for table, kind, _ in TABLES:
                try:
                    await self._put(connection, table, kind, rows.of_table(table))
                except asyncpg.UniqueViolationError:
                    raise
                except _REFUSED as error:
                    raise RowRejected(f"no row of {table} holds it: {error}") from error

    async def _move(self, connection: Connection, moved: Mapping[int, tuple[int, int]]) -> None:
        done = await connection.fetch(
            f"UPDATE {self._schema}.cursor c SET pos = m.new FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS m(shard, old, new) "
            "WHERE c.shard = m.shard AND c.pos = m.old RETURNING 1",
            list(moved),
            [old for old, _ in moved.values()],
            [new for _, new in moved.values()],
        )
        if len(done) != len(moved):
            raise CursorConflict(self._schema)

    async def _put(self, connection: Connection, table: str, kind: type[Row], rows: list[Row]) -> None:
        names = columns(kind)
        new = [tuple(getattr(row, name) for name in names) for row in rows if not row.stored]
        if new:
            await connection.copy_records_to_table(table, schema_name=self._schema, records=new, columns=names)
        old = [row for row in rows if row.stored]
        if old:
            await connection.execute(self._upserts[table], *([getattr(row, name) for row in old] for name in names))

    @asynccontextmanager
    async def _borrow(self) -> AsyncGenerator[Connection]:
        """Borrows a connection; raises `CursorConflict` for a generation that was dropped meanwhile."""
        try:
            async with borrow(self._pool) as connection:
                yield connection
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UniqueViolationError) as error:
            raise CursorConflict(self._schema) from error


def _upsert(schema: str, table: str, kind: type[Row], key: int) -> str:
    """Returns the statement that changes existing rows: as an upsert it finds the key's partition without a join over all months."""
    names = columns(kind)
    arrays = ", ".join(f"${n}::{_type(kind, name)}[]" for n, name in enumerate(names, 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[key:])
    return (
        f"INSERT INTO {schema}.{table} ({', '.join(names)}) SELECT * FROM unnest({arrays}) "
        f"ON CONFLICT ({', '.join(names[:key])}) DO UPDATE SET {changes}"
    )


def _type(kind: type[Row], name: str) -> str:
    text = str(kind.__annotations__[name])
    return next(sql for python, sql in _TYPES.items() if python in text)


_LIST = "SELECT number, version, active, begun_at FROM history.generation ORDER BY number"
_FOLDED = "SELECT coalesce(sum(pos), 0)::bigint FROM {schema}.cursor"
_TOTAL = "SELECT coalesce(sum(pos), 0)::bigint FROM parlour.shard"


class PostgresGenerations(PostgresStore):
    """Implements `app.history.generations.GenerationStore` in Postgres."""

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
        return await self._fetch_value("SELECT history.begin($1)", version)

    async def activate(self, number: int) -> None:
        await self._execute("SELECT history.activate($1)", number)

    async def drop(self, number: int) -> None:
        await self._execute("SELECT history.drop($1)", number)
