"""Reads which rooms have streams, over the whole log."""

from typing import Any

from parlour.registry.app.stream_units import LIVE_STREAM
from parlour.runtime.postgres.pool import borrow

# A claim's holder ends with the id of the call, see `app.stream_units.StreamHolder`.
_ROOMS = (
    "SELECT DISTINCT l.app, l.room FROM parlour.claim c JOIN parlour.log l ON l.uid = split_part(c.holder, '/', 3)::uuid "
    "WHERE c.kind = $1 AND l.open"
)


class PostgresLiveRooms:
    """The `LiveRooms` of the claims on stream ids in Postgres."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def all(self) -> list[tuple[int, str]]:
        async with borrow(self._pool) as connection:
            return [(row["app"], row["room"]) for row in await connection.fetch(_ROOMS, LIVE_STREAM)]
