"""Migrations stand in one line, each number is of one migration, and each function has a file of its own."""

import re
from pathlib import Path

from parlour.contracts.webhooks import FORMATS
from parlour.record.app.history.quality import KINDS
from parlour.record.domain.projections.calls import CLOSED, KICKED, LEFT

MIGRATIONS = Path(__file__).parents[2] / "migrations"
FUNCTIONS = MIGRATIONS / "sql" / "functions"
_SAID = re.compile(r'^(revision|down_revision)\b[^=]*= (?:"(\w+)"|None)$', re.MULTILINE)
_CREATED = re.compile(r"^CREATE (?:OR REPLACE )?FUNCTION (\w+)\.(\w+)", re.MULTILINE)


def test_each_migration_follows_the_one_before_it() -> None:
    before = ""
    for file in sorted((MIGRATIONS / "versions").glob("*.py")):
        said = dict(_SAID.findall(file.read_text()))
        assert said == {"revision": file.name[:4], "down_revision": before}, (
            f"{file.name} is not the one after {before}"
        )
        before = said["revision"]


def test_a_function_is_created_in_the_file_of_its_name_and_nowhere_else() -> None:
    for file in sorted((MIGRATIONS / "sql").rglob("*.sql")):
        schema = "history" if file.parent.name == "history" else "parlour"
        expected = [(schema, file.stem)] if file.is_relative_to(FUNCTIONS) else []
        assert _CREATED.findall(file.read_text()) == expected, file.name


def test_no_migration_edits_sql_text() -> None:
    for file in (MIGRATIONS / "versions").glob("*.py"):
        assert not re.search(r"\.(replace|sub|format)\(|f\"\"\"", file.read_text()), (
            f"{file.name}: a statement stands in a file as it runs"
        )


def test_checked_words_are_those_of_the_code() -> None:
    """A CHECK that knows fewer would refuse what a service writes."""
    tables = {file.stem: file.read_text() for file in (MIGRATIONS / "sql" / "tables").glob("*.sql")}
    assert _checked(tables["webhooks"], "format") == set(FORMATS)
    assert _checked(tables["history"], "kind") == set(KINDS)
    assert _checked((FUNCTIONS / "history" / "begin.sql").read_text(), "how") == {"", LEFT, KICKED, CLOSED}


def _checked(sql: str, column: str) -> set[str]:
    (words,) = re.findall(rf"CHECK \({column} IN \((.*?)\)\)", sql)
    return {word.strip().strip("'") for word in words.split(",")}
