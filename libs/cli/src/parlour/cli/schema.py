"""The database schema: Alembic's migrations, run in this process.

`migrations/env.py` takes its address from `config.attributes["dsn"]`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config

from .checkout import ROOT

MIGRATIONS = ROOT / "migrations"


def upgrade(dsn: str, migrations: Path = MIGRATIONS) -> None:
    """Bring a database to the newest schema; nothing happens when it is there already.

    dsn: of the database's owner. Blocks; call it off the event loop.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    command.upgrade(config, "head")
