"""What is missing is named: all events of a log, and a person's key. The SQL stands in
`migrations/sql/0016`."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"

SQL = Path(__file__).parents[1] / "sql" / revision
FILES = ("missing",)


def upgrade() -> None:
    """Runs the files in their order."""
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text()
        connection.connection.dbapi_connection.run_async(lambda raw, script=script: raw.execute(script))  # pyright: ignore
