"""The committed reference is what the contracts say today."""

import runpy
from pathlib import Path

import pytest

from parlour.cli import settings_page
from parlour.contracts.described import files

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"


CONTENTS = files.contents()


@pytest.mark.parametrize("path", CONTENTS)
def test_what_the_contracts_write_is_current(path: str) -> None:
    assert (ROOT / path).read_bytes() == CONTENTS[path], "run `make docs`"


def test_no_schema_is_left_of_an_event_type_that_is_gone() -> None:
    there = {str(path.relative_to(ROOT)) for path in (FOLDER / "schemas").iterdir()}
    assert there == {path for path in CONTENTS if "/schemas/" in path}


def test_settings_are_current() -> None:
    assert (FOLDER / "settings.md").read_text() == settings_page.page(), "run `make docs`"


def test_figures_are_current() -> None:
    figures = runpy.run_path(str(ROOT / "bench" / "page.py"))
    assert (ROOT / "bench" / "README.md").read_text() == figures["page"](), "run `make docs`"
