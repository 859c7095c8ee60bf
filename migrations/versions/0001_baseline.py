"""The whole schema: tables, functions, views, grants and the first monthly partitions.

The SQL stands in `migrations/sql`, one file per topic of tables and one file per function, each exactly as it runs.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[1] / "sql"
TYPES = SQL / "types.sql"
TABLES = tuple(
    SQL / "tables" / f"{topic}.sql" for topic in ("log", "people", "apps", "webhooks", "tree", "retention", "history")
)
FUNCTIONS = tuple(sorted((SQL / "functions").rglob("*.sql")))

# A function may call one that is created after it, so bodies are checked when they first run; a test loads each file again with checks.
UNCHECKED = "SET LOCAL check_function_bodies = off"
CHECKED = "SET LOCAL check_function_bodies = on"
PARTITIONS = "SELECT parlour.make_partitions(4, now() - interval '1 month'); SELECT history.make_quality_partitions(4)"


def upgrade() -> None:
    """Runs the files in the order in which they need each other."""
    files = (*TABLES, TYPES, *FUNCTIONS, SQL / "views.sql", SQL / "grants.sql")
    scripts = [file.read_text() for file in files]
    for script in (UNCHECKED, *scripts, CHECKED, PARTITIONS):
        op.get_bind().connection.dbapi_connection.run_async(lambda raw, script=script: raw.execute(script))  # pyright: ignore
