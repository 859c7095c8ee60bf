"""Which sessions are in which rooms, over the whole log: read at the start, and now and then in case messages were lost."""

from typing import Any

from parlour.room.app.room_units import CLIENT_SESSION, HEARTBEAT, SERVICE
from parlour.room.domain.presence import SessionKey
from parlour.runtime.postgres.pool import borrow

_MEMBERSHIPS = "SELECT app, slot, holder FROM parlour.claim WHERE kind = $1"
_SUSPENDED = "SELECT key FROM parlour.deadline WHERE service = $1 AND key LIKE $2"


class PostgresSessionIndex:
    """The `SessionIndex` of the room service's claims and deadlines in Postgres."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def all(self) -> dict[SessionKey, bool]:
        async with borrow(self._pool) as connection:
            deadlines = await connection.fetch(_SUSPENDED, SERVICE, f"{HEARTBEAT}/%")
            memberships = await connection.fetch(_MEMBERSHIPS, CLIENT_SESSION)
        suspended = {row["key"].rpartition("/")[2] for row in deadlines}
        return {SessionKey(row["app"], row["slot"], row["holder"]): row["holder"] in suspended for row in memberships}
