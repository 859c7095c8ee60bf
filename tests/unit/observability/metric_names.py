"""The metrics that the reference names, and those that a PromQL expression reads."""

import re
from typing import Any

import promql_parser

from parlour.cli.supervise.checkout import ROOT

OBSERVABILITY = ROOT / "deploy" / "observability"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"
_SUFFIX = re.compile(r"_(?:total|bucket|sum|count)$")


def known_metrics() -> set[str]:
    """Every metric that a table of the reference names, without the suffixes of counters and histograms."""
    rows = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def selected_metrics(expression: str) -> set[str]:
    """The metrics that a PromQL expression reads, without the suffixes. ValueError if it does not parse."""
    found: set[str] = set()

    def visit(part: Any) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            found.add(_SUFFIX.sub("", str(part.name)))

    promql_parser.walk(promql_parser.parse(expression.replace("$__rate_interval", "5m")), visit)
    return found
