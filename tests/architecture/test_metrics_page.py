"""Every metric in the code stands in the reference, with its kind, and nothing else does."""

import ast
import re

from sources import ROOT

PAGE = ROOT / "docs" / "reference" / "metrics.md"
KINDS = {"counter", "gauge", "histogram", "measured"}


def in_code() -> dict[str, str]:
    """Name to kind, of every metric that our sources make: by the runtime's methods, or by the library's classes."""
    found: dict[str, str] = {}
    for folder in ("libs", "services"):
        for path in (ROOT / folder).glob("**/src/parlour/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                    continue
                name = str(node.args[0].value)
                match node.func:
                    case ast.Attribute(attr=attr) if attr in KINDS:
                        found[f"parlour_{name}"] = "gauge" if attr == "measured" else attr
                    case ast.Name(id=kind) if kind.lower() in KINDS and name.startswith("parlour_"):
                        found[name] = kind.lower()
                    case _:
                        pass
    return found


def test_the_page_has_every_metric_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \|$", PAGE.read_text(), re.MULTILINE)
    assert dict(rows) == in_code()
    assert [name for name, _ in rows] == sorted(dict(rows))
