"""Open rooms and how many sessions are in each, from the claims that rooms and sessions hold while they last."""

from uuid import UUID

from parlour.contracts.queries import ROOMS_MOST, OpenRoom, OpenRooms, RoomsQuery
from parlour.runtime.postgres.pool import PostgresStore, borrow

_ROOMS = (
    "SELECT key AS room, holder AS room_uid FROM parlour.claim "
    "WHERE kind = 'open_room' AND app = $1 AND key > $2 AND ($3 = '' OR key = $3) ORDER BY key LIMIT $4"
)
_SESSIONS = (
    "SELECT slot AS room, count(*) AS sessions FROM parlour.claim "
    "WHERE kind = 'client_session' AND app = $1 AND slot = ANY($2::text[]) GROUP BY slot"
)


class PostgresOpenRooms(PostgresStore):
    """Implements `api.history.OpenRoomReader` in Postgres."""

    async def page(self, app: int, room: str, query: RoomsQuery) -> OpenRooms:
        limit = max(1, min(query.limit, ROOMS_MOST))
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(_ROOMS, app, query.after, room, limit + 1)
            names = [str(row["room"]) for row in rows[:limit]]
            counted = {row["room"]: int(row["sessions"]) for row in await connection.fetch(_SESSIONS, app, names)}
        found = tuple(
            OpenRoom(row["room"], row["room_uid"], _created_ms(row["room_uid"]), counted.get(row["room"], 0))
            for row in rows[:limit]
        )
        return OpenRooms(found, found[-1].room if len(rows) > limit else "")


def _created_ms(room_uid: str) -> int:
    """Returns the unix time in a UUIDv7, in milliseconds."""
    return UUID(room_uid).int >> 80
