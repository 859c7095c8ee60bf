"""The table of `a-join-step-by-step.md`: each file that it names is there and has the function."""

import ast
import re
from pathlib import Path

import pytest
from sources import ROOT

PAGE = ROOT / "docs" / "explanation" / "a-join-step-by-step.md"
ROW = re.compile(r"^\| (?P<step>[^|]+) \| (?P<file>[^|` ]+) \| `(?P<function>[^`]+)` \|$", re.M)
ROWS = [(row["file"], row["function"]) for row in ROW.finditer(PAGE.read_text())]
FILES_MOST = 40
"""A login is readable in so many files."""


@pytest.mark.parametrize(("file", "function"), ROWS)
def test_each_step_is_where_the_table_says(file: str, function: str) -> None:
    assert function in functions_of(ROOT / file), f"{file} has no {function}"


def test_the_table_is_read_and_short() -> None:
    table = PAGE.read_text().partition("## Where each step is")[2]
    assert len(ROWS) == sum(line.startswith("| ") for line in table.splitlines()) - 1  # without the head
    assert 20 <= len({file for file, _ in ROWS}) <= FILES_MOST


def functions_of(path: Path) -> set[str]:
    """The names of a file's functions; a method's with its class in Python."""
    text = path.read_text()
    if path.suffix == ".ts":
        return set(
            re.findall(r"^\s*(?:export |private |public |static |async |function )*(\w+)(?:<[^>]*>)?\(", text, re.M)
        )
    if path.suffix == ".sql":
        return set(re.findall(r"CREATE (?:OR REPLACE )?FUNCTION ([\w.]+)", text, re.I))
    return {name for node in ast.parse(text).body for name in names_of(node)}


def names_of(node: ast.stmt) -> list[str]:
    """A function's own name, or those of a class's methods."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.ClassDef):
        return [f"{node.name}.{name}" for part in node.body for name in names_of(part)]
    return []
