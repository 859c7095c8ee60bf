"""Erasure of people: who may do it, and how others hear of it. The SQL stands in `migrations/sql/0010`."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"

SQL = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    """Runs the file."""
    script = (SQL / "privacy.sql").read_text()
    connection = op.get_bind()
    connection.connection.dbapi_connection.run_async(lambda raw: raw.execute(script))  # pyright: ignore
