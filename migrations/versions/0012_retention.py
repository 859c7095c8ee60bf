"""Retention: months are exported, verified and dropped. The SQL stands in `migrations/sql/0012`."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"

SQL = Path(__file__).parents[1] / "sql" / revision
FILES = ("tables", "look", "drop", "roles")


def upgrade() -> None:
    """Runs the files in their order."""
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text()
        connection.connection.dbapi_connection.run_async(lambda raw, script=script: raw.execute(script))  # pyright: ignore
