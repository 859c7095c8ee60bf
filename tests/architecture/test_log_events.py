"""The log vocabulary: every event name in the code stands in the reference, with its level, and nothing else does."""

import ast
import re

from sources import ROOT

PAGE = ROOT / "docs" / "reference" / "log-events.md"
LEVELS = {"debug", "info", "warning", "error", "critical"}


def in_code() -> dict[str, set[str]]:
    """Event name to levels, of every `log.<level>("name", …)` in our sources."""
    found = dict[str, set[str]]()
    for folder in ("libs", "services"):
        for path in (ROOT / folder).glob("**/src/parlour/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_log(node.func):
                    assert isinstance(node.func, ast.Attribute)
                    name = node.args[0] if node.args else None
                    assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: an event's name is a constant"
                    found.setdefault(str(name.value), set()).add(node.func.attr)
    return found


def _is_log(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr in LEVELS
        and isinstance(called.value, ast.Name)
        and called.value.id == "log"
    )


def test_the_page_has_every_event_with_its_levels_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \| .+ \|$", PAGE.read_text(), re.MULTILINE)
    told = {name: set(levels.split(", ")) for name, levels in rows}
    assert told == in_code()
    assert [name for name, _ in rows] == sorted(told)
