"""The pages hold no script and no style of their own, so that a content security policy may forbid them, and load nothing from outside."""

import re

import pytest
import sources

PAGES = sources.ROOT / "libs" / "sdk-web" / "pages"
INLINE = re.compile(
    r"<script(?![^>]*\ssrc=)|\sstyle\s*=\s*\"|<style|\son\w+\s*=\s*\"|\b(?:src|href)=\"(?:https?:|//|data:|javascript:)"
)
IN_SCRIPTS = re.compile(r"setAttribute\(\"style\"|\bstyle: [`\"']|innerHTML[^;\n]*style=|\beval\(|new Function\(")


@pytest.mark.parametrize("page", sorted(PAGES.rglob("*.html")), ids=lambda path: path.name)
def test_a_page_has_nothing_inline(page: object) -> None:
    assert not INLINE.findall(sources.ROOT.joinpath(str(page)).read_text())


@pytest.mark.parametrize("script", sorted(PAGES.rglob("*.js")), ids=lambda path: path.name)
def test_a_script_of_a_page_writes_nothing_inline(script: object) -> None:
    assert not IN_SCRIPTS.findall(sources.ROOT.joinpath(str(script)).read_text())
