"""Apps and their secrets, kept by the auth service. The SQL stands in `migrations/sql/0002`."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    """Runs the file."""
    script = (SQL / "apps.sql").read_text()
    connection = op.get_bind()
    connection.connection.dbapi_connection.run_async(lambda raw: raw.execute(script))  # pyright: ignore
