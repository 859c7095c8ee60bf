"""Keys that were deleted are vacuumed away soon. The SQL stands in `migrations/sql/0017`."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"

SQL = Path(__file__).parents[1] / "sql" / revision
FILES = ("vacuum",)


def upgrade() -> None:
    """Runs the files in their order."""
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text()
        connection.connection.dbapi_connection.run_async(lambda raw, script=script: raw.execute(script))  # pyright: ignore
