"""The log vocabulary: the reference has every event name of the code with its levels, and no other."""

import ast
import re

from sources import ROOT, SERVICES, member_parts

PAGE = ROOT / "docs" / "reference" / "log-events.md"
LEVELS = {"debug", "info", "warning", "error", "critical"}


def in_code() -> dict[str, set[tuple[str, str]]]:
    """Event name to levels and packages, of every `log.<level>("name", …)` in our sources."""
    found: dict[str, set[tuple[str, str]]] = {}
    for folder in ("libs", "services"):
        for path in (ROOT / folder).glob("**/src/parlour/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_log(node.func):
                    assert isinstance(node.func, ast.Attribute)
                    name = node.args[0] if node.args else None
                    assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: an event's name is a constant"
                    found.setdefault(str(name.value), set()).add((node.func.attr, member_parts(path)[0]))
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
    named = {name: set(levels.split(", ")) for name, levels in rows}
    assert named == {name: {level for level, _ in used} for name, used in in_code().items()}
    assert [name for name, _ in rows] == sorted(named)


def test_a_service_that_could_not_do_something_is_the_one_that_writes_so() -> None:
    sentence = rf"(?:The|A) ({'|'.join(SERVICES)}) (?:could not|can ?not)"
    rows = re.findall(rf"^\| `(\w+)` \| [a-z, ]+ \| {sentence}", PAGE.read_text(), re.MULTILINE)
    code = in_code()
    assert len(rows) >= 2, "the page names services"
    assert {name: service for name, service in rows if service not in {package for _, package in code[name]}} == {}
