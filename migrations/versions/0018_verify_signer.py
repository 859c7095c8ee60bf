"""Events that the signer went past are named, and trees of 256 leaves and more are checked. The SQL stands in `migrations/sql/0018`."""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0017"

SQL = Path(__file__).parents[1] / "sql" / revision
FILES = ("signer", "tree")


def upgrade() -> None:
    """Runs the files in their order."""
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text()
        connection.connection.dbapi_connection.run_async(lambda raw, script=script: raw.execute(script))  # pyright: ignore
