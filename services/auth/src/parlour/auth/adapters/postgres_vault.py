"""The vault in Postgres: secrets sealed under a key derived from the master key."""

from typing import Any
from uuid import UUID

from parlour.contracts.commands import AppDescription
from parlour.runtime.cache import Cache
from parlour.runtime.postgres.keys import SealingKey
from parlour.runtime.postgres.pool import PostgresStore, borrow

SECRETS_CACHED = 10_000
"""Secrets in memory. They never change, so they need no invalidation; which are valid comes with the app's state."""

MICROSECONDS = 1_000_000

_APP = "INSERT INTO parlour.app (app, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_SECRET = "INSERT INTO parlour.app_secret (secret_id, app, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_READ = "SELECT app, sealed FROM parlour.app_secret WHERE secret_id = $1"
_APPS = (
    "SELECT a.app, a.name, a.created_at FROM parlour.app a "
    "WHERE EXISTS (SELECT FROM parlour.log g WHERE g.app = a.app AND g.room = '') ORDER BY a.app"
)


class PostgresVault(PostgresStore):
    """See `parlour.auth.app.vault.Vault`. Methods may raise `LogUnavailable`."""

    def __init__(self, pool: Any, master_key: bytes) -> None:
        super().__init__(pool)
        self._key = SealingKey(master_key, b"parlour.auth.secrets")
        self._cached = Cache[str, str](SECRETS_CACHED)

    async def put(self, app: AppDescription, secret_id: str, secret: str) -> None:
        """Stores the app and the secret; what is stored already stays as it is."""
        sealed = self._key.seal(_context(app.app, secret_id), secret.encode())
        async with borrow(self._pool) as connection:
            await connection.execute(_APP, app.app, app.name, app.created_s * MICROSECONDS)
            await connection.execute(_SECRET, UUID(secret_id), app.app, sealed)

    async def secret(self, secret_id: str) -> str | None:
        """The secret, None where there is none; ValueError under another master key."""
        cached = self._cached.get(secret_id)
        if cached is not None:
            return cached
        row = await self._fetch_row(_READ, UUID(secret_id))
        if row is None:
            return None
        secret = self._key.open(_context(row["app"], secret_id), row["sealed"]).decode()
        self._cached.put(secret_id, secret)
        return secret

    async def secrets(self, secret_ids: tuple[str, ...]) -> tuple[str, ...]:
        """The secrets that are stored, in this order."""
        found = [await self.secret(secret_id) for secret_id in secret_ids]
        return tuple(secret for secret in found if secret is not None)

    async def apps(self) -> tuple[AppDescription, ...]:
        """The apps that have a log: one whose creation was not committed is left out."""
        rows = await self._fetch(_APPS)
        return tuple(AppDescription(row["app"], row["name"], row["created_at"] // MICROSECONDS) for row in rows)


def _context(app: int, secret_id: str) -> str:
    """Returns what a sealed secret is bound to."""
    return f"secret/{app}/{secret_id}"
