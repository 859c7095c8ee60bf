"""Brings the schema up to date and gives each service's role its password; skipped when nothing changed."""

import asyncio
import hashlib

from ..embedded.postgres import ADMIN, DATABASE
from .checkout import MIGRATIONS
from .state import Secrets, StateFolder

STAMP = "schema"


def inputs() -> str:
    """What the schema was made from."""
    total = hashlib.sha256()
    for path in sorted(MIGRATIONS.rglob("*")):
        if path.suffix in {".py", ".sql"}:
            total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


async def bring_up_to_date(folder: StateFolder, owner: str, secrets: Secrets | None) -> None:
    """secrets: of the embedded server's roles; None for servers of the user's own, whose roles are the user's affair.

    The stamp is trusted for the embedded server only: nobody else changes that one.
    """
    wanted = inputs()
    if secrets and folder.stamp(STAMP, wanted):
        return
    from parlour.runtime.postgres import migrate  # slow to import, and not needed where the stamp is fresh

    if secrets:
        await _make_database(owner)
    await asyncio.to_thread(migrate.upgrade, owner, MIGRATIONS)
    if secrets:
        await migrate.set_passwords(owner, {name: secrets.postgres_roles[name] for name in migrate.ROLES})
        folder.write_stamp(STAMP, wanted)


async def _make_database(owner: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(owner.removesuffix(f"/{DATABASE}") + "/postgres")
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}" OWNER "{ADMIN}"')
    finally:
        await connection.close()
