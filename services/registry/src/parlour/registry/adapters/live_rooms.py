"""Reads which rooms have streams, over the whole log."""

from typing import Any

from parlour.registry.app.stream_units import LIVE_STREAM
from parlour.runtime.postgres.pool import borrow

# A claim's holder ends with the id of the call, see `app.stream_units.StreamHolder`.
_ROOMS = (
    "SELECT DISTINCT l.app, l.room FROM parlour.claim c JOIN parlour.log l ON l.uid = split_part(c.holder, '/', 3)::uuid "
    "WHERE c.kind = $1 AND l.open"
)


async def load_live_rooms(pool: Any) -> list[tuple[int, str]]:
    """Loads app and room of every open room with a live stream, from the claims on stream ids in Postgres."""
    async with borrow(pool) as connection:
        return [(row["app"], row["room"]) for row in await connection.fetch(_ROOMS, LIVE_STREAM)]
