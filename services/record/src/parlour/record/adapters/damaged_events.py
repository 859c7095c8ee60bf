"""Damaged events in Postgres; rows are added and never changed."""

import time
from collections.abc import Sequence

from parlour.record.app.damaged_events import PROBLEM_CHARACTERS, DamagedEvent
from parlour.runtime.postgres.pool import PostgresStore

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
