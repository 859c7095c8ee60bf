"""Runs the migrations over asyncpg, all of them in one transaction, one runner at a time.

The address comes from the caller (`config.attributes["dsn"]`, see `parlour.runtime.postgres.migrate`) or from PARLOUR_POSTGRES_DSN.
"""

import asyncio
import os

import asyncpg
from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

ONE_RUNNER = 20335
"""The advisory lock that lets several starting processes all call for migrations."""


def _run(connection: Connection) -> None:
    context.configure(connection=connection, version_table="parlour_migration")
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_RUNNER})
        context.run_migrations()


async def _main(dsn: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main(context.config.attributes.get("dsn") or os.environ["PARLOUR_POSTGRES_DSN"]))
