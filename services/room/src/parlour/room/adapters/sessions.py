"""Which sessions are in which rooms, over the whole log: asked at the start, and now and then against lost messages."""

from typing import Any

from parlour.room.app.consequences import CLIENT_SESSION, HEARTBEAT, SERVICE
from parlour.room.domain.presence import SessionKey
from parlour.runtime.postgres.pool import borrow

_SEATS = "SELECT app, slot, holder FROM parlour.claim WHERE kind = $1"
_SUSPENDED = "SELECT key FROM parlour.deadline WHERE service = $1 AND key LIKE $2"


class Sessions:
    """Reads claims and deadlines of the room service."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def all(self) -> dict[SessionKey, bool]:
        """Every session in a room, and whether it is suspended."""
        async with borrow(self._pool) as connection:
            waiting = await connection.fetch(_SUSPENDED, SERVICE, f"{HEARTBEAT}/%")
            seats = await connection.fetch(_SEATS, CLIENT_SESSION)
        suspended = {row["key"].rpartition("/")[2] for row in waiting}
        return {SessionKey(row["app"], row["slot"], row["holder"]): row["holder"] in suspended for row in seats}
