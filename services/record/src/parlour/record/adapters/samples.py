"""Quality samples in Postgres: in by COPY, out by the primary key and in the months that a call had."""

from typing import Any
from uuid import UUID

import asyncpg

from parlour.kernel.log import LogUnavailable
from parlour.record.app.history.quality import NumberedSample, SampleFilter, SampleRow
from parlour.runtime.postgres.pool import PostgresStore, borrow

COLUMNS = SampleRow.__struct_fields__
_SERIES = (
    f"SELECT sample, {', '.join(COLUMNS)} FROM history.quality "
    "WHERE room_uid = $1 AND started_at >= $2 AND started_at <= $3 AND (started_at, sample) > ($4, $5)"
)


class PostgresSampleStore(PostgresStore):
    """Implements `app.history.quality.SampleStore` in Postgres."""

    async def add(self, rows: list[SampleRow]) -> None:
        records = [tuple(getattr(row, name) for name in COLUMNS) for row in rows]
        try:
            async with borrow(self._pool) as connection:
                await connection.copy_records_to_table(
                    "quality", schema_name="history", records=records, columns=COLUMNS
                )
        except asyncpg.CheckViolationError as error:
            raise LogUnavailable("the month has no partition yet") from error

    async def series(self, room_uid: UUID, wanted: SampleFilter, limit: int) -> list[NumberedSample]:
        question, arguments = series_sql(room_uid, wanted, limit)
        return [NumberedSample(row[0], SampleRow(*row[1:])) for row in await self._fetch(question, *arguments)]


def series_sql(room_uid: UUID, wanted: SampleFilter, limit: int) -> tuple[str, list[Any]]:
    """Returns the statement and its arguments."""
    arguments: list[Any] = [room_uid, wanted.from_at, wanted.to_at, *wanted.after]
    conditions = ""
    if wanted.stream_id:
        arguments.append(wanted.stream_id)
        conditions += f" AND stream_id = ${len(arguments)}"
    if wanted.session_ids is not None:
        arguments.append(list(wanted.session_ids))
        conditions += f" AND session_id = ANY(${len(arguments)}::text[])"
    arguments.append(limit)
    return f"{_SERIES}{conditions} ORDER BY started_at, sample LIMIT ${len(arguments)}", arguments
