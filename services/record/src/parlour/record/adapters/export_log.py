"""The log of exports in Postgres; rows are added and never changed."""

import time
from uuid import UUID

from parlour.contracts.proofs import ExportTaken
from parlour.runtime.postgres.pool import PostgresStore

_ADD = "INSERT INTO parlour.export_taken (room_uid, exported_at, exported_by) VALUES ($1, $2, $3)"
_LATEST = """
SELECT t.room_uid, g.app, g.room, t.exported_by, t.exported_at FROM parlour.export_taken t
 CROSS JOIN LATERAL (
    SELECT l.app, l.room FROM parlour.log l WHERE l.uid = t.room_uid
    UNION ALL SELECT d.app, d.room FROM parlour.archived d WHERE d.room_uid = t.room_uid LIMIT 1) g
 WHERE $1::uuid IS NULL OR t.room_uid = $1 ORDER BY t.exported_at DESC LIMIT $2
"""


class PostgresExportLog(PostgresStore):
    """Implements `app.proofs.exports.ExportLog` in Postgres."""

    async def add(self, room_uid: UUID, by: str) -> None:
        await self._execute(_ADD, room_uid, time.time_ns() // 1000, by)

    async def latest(self, room_uid: UUID | None, at_most: int) -> tuple[ExportTaken, ...]:
        rows = await self._fetch(_LATEST, room_uid, at_most)
        return tuple(
            ExportTaken(str(row["room_uid"]), row["app"], row["room"], row["exported_by"], row["exported_at"])
            for row in rows
        )
