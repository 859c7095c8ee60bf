"""Bans of an app. The SQL stands in `migrations/sql/0014`."""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"

SQL = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    """Runs the file."""
    script = (SQL / "bans.sql").read_text()
    connection = op.get_bind()
    connection.connection.dbapi_connection.run_async(lambda raw: raw.execute(script))  # pyright: ignore
