"""The keys that seal people's texts, in Postgres."""

from uuid import UUID

from parlour.runtime.postgres.pool import PostgresStore


class PostgresPersonKeys(PostgresStore):
    """See `app.privacy_handler.PersonKeys`. Methods may raise `LogUnavailable`."""

    async def destroy(self, actor: str) -> None:
        """Deletes the key; what it sealed can never be opened again."""
        await self._execute("SELECT parlour.erase_person($1)", UUID(actor))

    async def rooms_of(self, app: int, rooms: frozenset[str], actor: str) -> frozenset[str]:
        """Reads the held rooms' envelopes, which name people by their random ids."""
        rows = await self._fetch(
            "SELECT room FROM parlour.rooms_of_person($1, $2, $3) AS room", app, list(rooms), UUID(actor)
        )
        return frozenset(row["room"] for row in rows)
