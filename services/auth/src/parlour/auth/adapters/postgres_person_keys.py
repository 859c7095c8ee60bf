"""The keys that seal people's texts, in Postgres."""

from typing import Any
from uuid import UUID

from parlour.runtime.postgres.pool import borrow


class PostgresPersonKeys:
    """See `app.privacy_handler.PersonKeys`. Methods may raise `LogUnavailable`."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def destroy(self, actor: str) -> None:
        """Deletes the key; what it sealed can never be opened again."""
        async with borrow(self._pool) as connection:
            await connection.execute("SELECT parlour.erase_person($1)", UUID(actor))

    async def rooms_of(self, app: int, rooms: frozenset[str], actor: str) -> frozenset[str]:
        """Reads the held rooms' envelopes, which name people by their random ids."""
        async with borrow(self._pool) as connection:
            rows = await connection.fetch(
                "SELECT room FROM parlour.rooms_of_person($1, $2, $3) AS room", app, list(rooms), UUID(actor)
            )
        return frozenset(row["room"] for row in rows)
