"""Brings a database's schema up to date, and lets the services' roles log in."""

import re
from collections.abc import Mapping
from pathlib import Path

import asyncpg

ROLES = {service: f"parlour_{service}" for service in ("auth", "room", "registry", "im", "record")}
"""The services that have a role of their own; the others never talk to Postgres."""


def upgrade(dsn: str, scripts: Path) -> None:
    """Runs the migrations in the folder `scripts` up to the newest. Blocks, and needs a thread without a running event loop."""
    from alembic import command  # slow to import, and only migrating processes need it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.attributes["dsn"] = dsn
    command.upgrade(config, "head")


async def set_passwords(dsn: str, passwords: Mapping[str, str]) -> None:
    """Lets each service of `passwords` log in with its own."""
    connection = await asyncpg.connect(dsn)
    try:
        for service, password in passwords.items():
            await connection.execute(f"ALTER ROLE {ROLES[service]} LOGIN PASSWORD {_literal(password)}")
    finally:
        await connection.close()


def _literal(text: str) -> str:
    """A password as an SQL literal: ALTER ROLE takes no parameters."""
    if not re.fullmatch(r"[ -~]+", text) or "\\" in text:
        raise ValueError("a role's password is printable ASCII without a backslash")
    return "'" + text.replace("'", "''") + "'"
