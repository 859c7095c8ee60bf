"""The committed dashboards are those that the typed code makes, and show metrics that exist."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from metric_names import OBSERVABILITY, known_metrics, selected_metrics

COMMITTED = sorted((OBSERVABILITY / "dashboards").glob("*.json"))
COLUMNS = 24


def panels(path: Path) -> list[dict[str, Any]]:
    found = json.loads(path.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def test_there_are_four() -> None:
    assert [path.stem for path in COMMITTED] == ["calls", "overview", "record", "relay"]


def test_they_are_what_the_code_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, OBSERVABILITY / "generator", tmp_path], check=True)
    for path in COMMITTED:
        assert (tmp_path / path.name).read_text() == path.read_text(), "run `make docs`"


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_each_panel_shows_metrics_of_the_reference(path: Path) -> None:
    known = known_metrics()
    for panel in panels(path):
        shown = {name for target in panel["targets"] for name in selected_metrics(target["expr"])}
        assert shown, panel["title"]
        assert shown <= known, (panel["title"], shown - known)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_each_panel_says_what_it_shows_and_covers_no_other(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(path):
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert all(x < COLUMNS for x, _ in cells), panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


def test_a_metric_that_there_is_not_would_be_found() -> None:
    assert selected_metrics('sum by (service) (rate(parlour_nothing_total{a="b"}[5m])) > 1') == {"parlour_nothing"}
    with pytest.raises(ValueError, match=r"."):
        selected_metrics("sum by (")
