"""What history reads in Postgres: the active generation's rows, each question by an index and in the partitions that it concerns; quality
samples, in by COPY and out by the primary key; and the rooms that are open now.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg

from parlour.contracts.codes import Code
from parlour.contracts.queries import ROOMS_MOST, OpenRoom, OpenRooms, RoomsQuery
from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.record.app.history.calls import TIMELINE_TABLES, CallFilter
from parlour.record.app.history.quality import NumberedSample, SampleFilter, SampleRow
from parlour.record.domain.projections.rows import TABLES, CallRow, ParticipantRow, PlayRow, columns
from parlour.runtime.postgres.pool import LOOKUP_PLANS, PostgresStore, borrow

CLOCK_SKEW_US = 3_600_000_000
"""Longest difference between a call's id, made by one clock, and its first event's time, taken from another."""
PLANNER = LOOKUP_PLANS | {
    "plan_cache_mode": "force_custom_plan",
    "enable_sort": "off",
    "enable_bitmapscan": "off",
    "random_page_cost": "1.1",
}
"""For connections that ask these questions: planned for the very app and time, since a plan for any of them reads a small tenant's page
out of everybody's calls; and by an index that has the order, however few rows the planner believes in."""
_ACTIVE = "SELECT number FROM history.generation WHERE active"
_KINDS = {table: kind for table, kind, _ in TABLES}
_LOWEST, _HIGHEST = UUID(int=0), UUID(int=(1 << 128) - 1)


def columns_of(table: str, alias: str = "") -> str:
    """Returns a table's columns for a SELECT."""
    return ", ".join(f"{alias}{name}" for name in columns(_KINDS[table]))


_BOUNDS = (
    "c.room_uid >= $2 AND c.room_uid < $3 AND c.started_at >= $4 AND c.started_at < $5 AND ($7 = '' OR c.room = $7)"
)
_CALLS = f"SELECT {columns_of('call', 'c.')} FROM {{schema}}.call c WHERE c.app = $1 AND {_BOUNDS} ORDER BY c.room_uid DESC LIMIT $6"
# OFFSET 0 keeps the planner from turning the join round: a person's newest calls first, and no further than the page
_CALLS_OF_PERSON = (
    f"SELECT c.* FROM {{schema}}.participant p CROSS JOIN LATERAL (SELECT {columns_of('call', 'c.')} FROM {{schema}}.call c "
    f"WHERE c.app = p.app AND c.room_uid = p.room_uid AND {_BOUNDS} OFFSET 0) c "
    "WHERE p.app = $1 AND p.actor = $8 AND p.room_uid >= $2 AND p.room_uid < $3 ORDER BY p.room_uid DESC LIMIT $6"
)


def calls_query(wanted: CallFilter, limit: int) -> tuple[str, list[Any]]:
    """Returns the statement and its arguments."""
    to_at = wanted.to_at or 2**62
    lowest = _uuid_floor(wanted.from_at - CLOCK_SKEW_US) if wanted.from_at > CLOCK_SKEW_US else _LOWEST
    highest = _uuid_floor(to_at + CLOCK_SKEW_US) if wanted.to_at else _HIGHEST
    highest = min(highest, wanted.before) if wanted.before is not None else highest
    arguments = [wanted.app, lowest, highest, wanted.from_at, to_at, limit, wanted.room]
    return (_CALLS_OF_PERSON, [*arguments, wanted.actor]) if wanted.actor else (_CALLS, arguments)


CALL = f"SELECT {columns_of('call')} FROM {{schema}}.call WHERE room_uid = $1"
PARTICIPANTS = f"SELECT {columns_of('participant')} FROM {{schema}}.participant WHERE room_uid = $1 ORDER BY first_at, actor LIMIT $2"


def _rows_sql(table: str) -> str:
    order = columns(_KINDS[table])[1]
    return f"SELECT {columns_of(table)} FROM {{schema}}.{table} WHERE room_uid = $1 AND {order} > $2 ORDER BY {order} LIMIT $3"


ROWS = {table: _rows_sql(table) for table in TIMELINE_TABLES}
_PLAYS = ROWS["play"].replace("ORDER BY", "AND ($4 = '' OR stream_id = $4) AND ($5 = '' OR actor = $5) ORDER BY")
_SESSIONS = "SELECT session_id, actor FROM {schema}.session WHERE room_uid = $1"


class PostgresCallReader(PostgresStore):
    """Implements `app.history.calls.CallReader` and `app.history.quality.SessionReader` in Postgres."""

    async def calls(self, wanted: CallFilter, limit: int) -> list[CallRow]:
        question, arguments = calls_query(wanted, limit)
        return [CallRow(*row) for row in await self._read_active(question, *arguments)]

    async def call(self, room_uid: UUID) -> CallRow | None:
        rows = await self._read_active(CALL, room_uid)
        return CallRow(*rows[0]) if rows else None

    async def participants(self, room_uid: UUID, limit: int) -> list[ParticipantRow]:
        return [ParticipantRow(*row) for row in await self._read_active(PARTICIPANTS, room_uid, limit)]

    async def rows(self, table: str, room_uid: UUID, after: int, limit: int) -> list[Any]:
        return [_KINDS[table](*row) for row in await self._read_active(ROWS[table], room_uid, after, limit)]

    async def plays(self, room_uid: UUID, stream_id: str, actor: str, after: int, limit: int) -> list[PlayRow]:
        rows = await self._read_active(_PLAYS, room_uid, after, limit, stream_id, actor)
        return [PlayRow(*row) for row in rows]

    async def actors(self, room_uid: UUID, session_ids: Collection[str]) -> dict[str, str]:
        rows = await self._read_active(f"{_SESSIONS} AND session_id = ANY($2::text[])", room_uid, list(session_ids))
        return {row["session_id"]: row["actor"] for row in rows}

    async def sessions_of(self, room_uid: UUID, actor: str) -> tuple[str, ...]:
        rows = await self._read_active(f"{_SESSIONS} AND actor = $2", room_uid, actor)
        return tuple(row["session_id"] for row in rows)

    async def _read_active(self, question: str, *arguments: Any) -> list[Any]:
        """Reads the active generation, or the next one if that was dropped between the two statements."""
        async with borrow(self._pool) as connection:
            for _ in range(2):
                number = await connection.fetchval(_ACTIVE)
                if number is None:
                    break
                try:
                    return await connection.fetch(question.format(schema=f"history_{number}"), *arguments)
                except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                    continue
        raise Rejection(Code.UNAVAILABLE, "the history is being built", hint="try again in a moment")


def _uuid_floor(at: int) -> UUID:
    """Returns the smallest UUIDv7 of a time in unix microseconds."""
    return UUID(int=(at // 1000) << 80)


SAMPLE_COLUMNS = SampleRow.__struct_fields__
SERIES = (
    f"SELECT sample, {', '.join(SAMPLE_COLUMNS)} FROM history.quality "
    "WHERE room_uid = $1 AND started_at >= $2 AND started_at <= $3 AND (started_at, sample) > ($4, $5) "
    "AND ($6 = '' OR stream_id = $6) AND ($7::text[] IS NULL OR session_id = ANY($7)) ORDER BY started_at, sample LIMIT $8"
)


class PostgresSampleStore(PostgresStore):
    """Implements `app.history.quality.SampleStore` in Postgres."""

    async def add(self, rows: list[SampleRow]) -> None:
        records = [tuple(getattr(row, name) for name in SAMPLE_COLUMNS) for row in rows]
        try:
            async with borrow(self._pool) as connection:
                await connection.copy_records_to_table(
                    "quality", schema_name="history", records=records, columns=SAMPLE_COLUMNS
                )
        except asyncpg.CheckViolationError as error:
            raise LogUnavailable("the month has no partition yet") from error

    async def series(self, room_uid: UUID, wanted: SampleFilter, limit: int) -> list[NumberedSample]:
        given = (wanted.from_at, wanted.to_at, *wanted.after, wanted.stream_id, wanted.session_ids, limit)
        return [NumberedSample(row[0], SampleRow(*row[1:])) for row in await self._fetch(SERIES, room_uid, *given)]


_OPEN_ROOMS = (
    "SELECT key AS room, holder AS room_uid FROM parlour.claim "
    "WHERE kind = 'open_room' AND app = $1 AND key > $2 AND ($3 = '' OR key = $3) ORDER BY key LIMIT $4"
)
_SESSION_COUNTS = (
    "SELECT slot AS room, count(*) AS sessions FROM parlour.claim "
    "WHERE kind = 'client_session' AND app = $1 AND slot = ANY($2::text[]) GROUP BY slot"
)


class PostgresOpenRooms(PostgresStore):
    """Lists the rooms that are open now, from the claims."""

    async def page(self, app: int, room: str, query: RoomsQuery) -> OpenRooms:
        """Returns a page of an app's open rooms; only `room` if one is named."""
        limit = max(1, min(query.limit, ROOMS_MOST))
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_OPEN_ROOMS, app, query.after, room, limit + 1)
            names = [str(row["room"]) for row in rows[:limit]]
            counted = {row["room"]: int(row["sessions"]) for row in await connection.fetch(_SESSION_COUNTS, app, names)}
        found = tuple(
            OpenRoom(row["room"], row["room_uid"], _created_ms(row["room_uid"]), counted.get(row["room"], 0))
            for row in rows[:limit]
        )
        return OpenRooms(found, found[-1].room if len(rows) > limit else "")


def _created_ms(room_uid: str) -> int:
    """Returns the unix time in a UUIDv7, in milliseconds."""
    return UUID(room_uid).int >> 80
