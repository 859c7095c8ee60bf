"""The append function's short way for one event of an open log. The SQL stands in `migrations/sql/0005`."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    """Runs the file."""
    script = (SQL / "append_one.sql").read_text()
    connection = op.get_bind()
    connection.connection.dbapi_connection.run_async(lambda raw: raw.execute(script))  # pyright: ignore
