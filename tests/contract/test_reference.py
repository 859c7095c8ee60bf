"""The committed reference is what the contracts say today."""

import runpy
from pathlib import Path

import msgspec
import pytest

from parlour.cli import settings_page
from parlour.contracts import reference
from parlour.contracts.described import contract_schema

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"


@pytest.mark.parametrize("page", sorted(reference.PAGES))
def test_pages_are_current(page: str) -> None:
    assert (FOLDER / f"{page}.md").read_text() == reference.PAGES[page](), "run `make docs`"


def test_settings_are_current() -> None:
    assert (FOLDER / "settings.md").read_text() == settings_page.page(), "run `make docs`"


def test_schema_is_current() -> None:
    committed = msgspec.json.decode((FOLDER / "contracts.json").read_bytes())
    assert committed == msgspec.json.decode(msgspec.json.encode(contract_schema.document())), "run `make docs`"


def test_figures_are_current() -> None:
    figures = runpy.run_path(str(ROOT / "bench" / "page.py"))
    assert (ROOT / "bench" / "README.md").read_text() == figures["page"](), "run `make docs`"
