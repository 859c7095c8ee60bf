"""An append may be conditional on where the whole log stands: the aggregate `head` without events, its version the log's seq.

The function is that of 0001 with three lines more, so its text is made from that file.
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

SQL = Path(__file__).parents[1] / "sql"
APPEND = SQL / "0001" / "append.sql"
PLANS = SQL / "0008" / "append_plans.sql"
CHANGES = (
    ("CREATE FUNCTION parlour.append(", "CREATE OR REPLACE FUNCTION parlour.append("),
    (
        "SELECT FROM unnest(a_aggregate) AS a(name) WHERE NOT EXISTS (",
        "SELECT FROM unnest(a_aggregate, a_events) AS a(name, events) WHERE (a.name <> 'head' OR a.events > 0) AND NOT EXISTS (",
    ),
    (
        "            FOR b IN a_first .. a - 1 LOOP\n",
        "            IF a_aggregate[a] = 'head' THEN version := coalesce(w_seq[l], 0); END IF;\n"
        "            FOR b IN a_first .. a - 1 LOOP\n",
    ),
    (
        "            w_touched[l] := true;\n",
        "            CONTINUE WHEN a_aggregate[a] = 'head';\n            w_touched[l] := true;\n",
    ),
)


def upgrade() -> None:
    """Takes the place of the function; who may call it stays the same."""
    script = APPEND.read_text()
    for old, new in CHANGES:
        assert script.count(old) == 1, old
        script = script.replace(old, new)
    script += PLANS.read_text()  # a function that is replaced forgets its settings
    connection = op.get_bind()
    connection.connection.dbapi_connection.run_async(lambda raw: raw.execute(script))  # pyright: ignore
