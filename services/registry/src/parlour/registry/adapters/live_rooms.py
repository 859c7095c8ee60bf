"""Which rooms have streams, over the whole log."""

from typing import Any

from parlour.registry.app.claims import LIVE_STREAM
from parlour.runtime.postgres.pool import borrow

# A claim's holder ends with the room's life, see `app.claims.Holder`.
_ROOMS = (
    "SELECT DISTINCT l.app, l.room FROM parlour.claim c JOIN parlour.log l ON l.uid = split_part(c.holder, '/', 3)::uuid "
    "WHERE c.kind = $1 AND l.open"
)


class LiveRooms:
    """Reads the claims on streams."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def all(self) -> list[tuple[int, str]]:
        """See `app.unnoticed.LiveRooms`."""
        async with borrow(self._pool) as connection:
            return [(row["app"], row["room"]) for row in await connection.fetch(_ROOMS, LIVE_STREAM)]
