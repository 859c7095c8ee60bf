"""The reference has every metric of the code with its kind and the service that has it, and no other."""

import ast
import re
from collections import defaultdict
from typing import Any

from sources import ROOT, SERVICES, member_parts

from parlour.contracts.relay import NodeLoad
from parlour.relay.adapters.core_metrics import CoreMetrics

PAGE = ROOT / "docs" / "reference" / "metrics.md"
KINDS = {"counter", "gauge", "histogram", "measured"}


def in_code() -> dict[str, tuple[str, str]]:
    """Name to kind and package, of every metric that our sources make: by the runtime's methods, or by the library's classes."""
    found: dict[str, tuple[str, str]] = {}
    for folder in ("libs", "services"):
        for path in (ROOT / folder).glob("**/src/parlour/**/*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                    continue
                name, package = str(node.args[0].value), member_parts(path)[0]
                match node.func:
                    case ast.Attribute(attr=attr) if attr in KINDS:
                        found[f"parlour_{name}"] = "gauge" if attr == "measured" else attr, package
                    case ast.Name(id=kind) if kind.lower() in KINDS and name.startswith("parlour_"):
                        found[name] = kind.lower(), package
                    case _:
                        pass
    return found


def test_the_page_has_every_metric_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|[^|]*\|[^|]*\|[^|]*\|$", PAGE.read_text(), re.MULTILINE)
    assert dict(rows) == {name: kind for name, (kind, _) in in_code().items()}
    assert [name for name, _ in rows] == sorted(dict(rows))


def test_the_page_says_which_service_has_a_metric() -> None:
    """A metric that the runtime makes is of several services; the page says of which in words."""
    rows = dict(re.findall(r"^\| `(\w+)` \| \w+ \|[^|]*\| ([^|]+) \|", PAGE.read_text(), re.MULTILINE))
    own = {name: package for name, (_, package) in in_code().items() if package in SERVICES}
    assert len(own) > 10
    assert {name: rows[name] for name, package in own.items() if rows[name] != package} == {}


def test_the_page_has_every_metric_of_the_packet_core_and_no_other() -> None:
    core: Any = NoTransports()
    made = CoreMetrics(core, core, lambda: NodeLoad(transports=0, tracks=0, sinks=0, cpu=0.0), 1).collect()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|[^|]*\|$", PAGE.read_text(), re.MULTILINE)
    assert dict(rows) == {family.name: family.type for family in made}
    assert [name for name, _ in rows] == sorted(dict(rows))


class NoTransports:
    """A packet core and its monitor without any transport."""

    overflowed = 0

    def stats(self) -> dict[str, Any]:
        return defaultdict(dict[str, Any])
