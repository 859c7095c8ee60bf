"""What stands beside the hashed bytes is verified too: audience, positions, the log's row, the tree, people, claims; events behind a head
are moved out of the way. The SQL stands in `migrations/sql/0015`."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"

SQL = Path(__file__).parents[1] / "sql" / revision
FILES = ("audience", "strays", "tree", "verify")


def upgrade() -> None:
    """Runs the files in their order."""
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text()
        connection.connection.dbapi_connection.run_async(lambda raw, script=script: raw.execute(script))  # pyright: ignore
