"""Webhook endpoints and how far each is delivered, kept by the record service. The SQL stands in `migrations/sql/0003`."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    """Runs the file."""
    script = (SQL / "webhooks.sql").read_text()
    connection = op.get_bind()
    connection.connection.dbapi_connection.run_async(lambda raw: raw.execute(script))  # pyright: ignore
