"""Which sessions are in which rooms, over the whole log: read at the start, and now and then in case messages were lost."""

from typing import Any

from parlour.room.app.room_units import CLIENT_SESSION, HEARTBEAT, SERVICE
from parlour.room.domain.presence import SessionKey
from parlour.runtime.postgres.pool import borrow

_MEMBERSHIPS = "SELECT app, slot, holder FROM parlour.claim WHERE kind = $1"
_SUSPENDED = "SELECT key FROM parlour.deadline WHERE service = $1 AND key LIKE $2"


async def load_sessions(pool: Any) -> dict[SessionKey, bool]:
    """Loads each session in a room, and whether it is suspended, from the claims and deadlines in Postgres."""
    async with borrow(pool) as connection:
        deadlines = await connection.fetch(_SUSPENDED, SERVICE, f"{HEARTBEAT}/%")
        memberships = await connection.fetch(_MEMBERSHIPS, CLIENT_SESSION)
    suspended = {row["key"].rpartition("/")[2] for row in deadlines}
    return {SessionKey(row["app"], row["slot"], row["holder"]): row["holder"] in suspended for row in memberships}
