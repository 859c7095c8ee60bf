"""The documentation site as `make site` builds it: every page is in it, every link leads somewhere, and nothing comes from elsewhere."""

import importlib.util
import json
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest

from parlour.cli.supervise.checkout import ROOT
from parlour.testkit.browser.chromium import chromium
from parlour.testkit.suite import Suite, running_suite

DOCS = ROOT / "docs"
MARKDOWN_LINK = re.compile(r"(?<!!)\]\(([^()\s]+)\)")


class Page(HTMLParser):
    """What a page names: the ids of its parts, what it links to, what it loads, and the scripts that stand in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes one element."""
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.loads += [given[name] for name in ("src", "href") if name in given and tag in {"script", "img", "link"}]
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.inline.append(f"{tag}: {given}")
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.inline.append(tag)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make site` fills."""
    folder = tmp_path_factory.mktemp("documentation") / "site"
    done = subprocess.run(["make", "site", f"SITE={folder}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """All pages of it."""
    return {path: Page(path) for path in site.rglob("*.html")}


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    """The program that builds it."""
    spec = importlib.util.spec_from_file_location("build_site", DOCS / "build_site.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_the_navigation(site: Path, pages: dict[Path, Page], builder: ModuleType) -> None:
    wanted = {site / f"{to.removesuffix('.md')}.html" for to in builder.page_paths().values()}
    assert pages.keys() == wanted
    index = site / "index.html"
    linked = {(index.parent / urlsplit(link).path).resolve() for link in pages[index].links} | {index}
    assert wanted - linked == set()
    listed = [path for _, paths in builder.navigation(set(builder.page_paths().values())) for path in paths]
    assert sorted(listed) == sorted(builder.page_paths().values()), "each page once"


def test_every_link_and_anchor_is_there(pages: dict[Path, Page]) -> None:
    broken: list[str] = []
    for page in pages.values():
        for link in page.links:
            at = urlsplit(link)
            if at.scheme or at.netloc:
                continue
            target = (page.path.parent / unquote(at.path)).resolve() if at.path else page.path
            target = target / "index.html" if target.is_dir() else target
            fragment = unquote(at.fragment)
            if not target.is_file() or (target in pages and fragment and fragment not in pages[target].ids):
                broken.append(f"{page.path.name}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere_and_no_script_or_style_is_inline(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        assert page.inline == [], page.path
        for load in page.loads:
            at = urlsplit(load)
            assert at.scheme in {"", "data"} and not at.netloc, f"{page.path}: {load}"
            assert at.scheme == "data" or (page.path.parent / at.path).is_file(), f"{page.path}: {load}"


def test_the_search_index_has_every_page(site: Path, pages: dict[Path, Page]) -> None:
    items = json.loads((site / "search.json").read_text())["items"]
    found = {(site / urlsplit(item["location"]).path).resolve() for item in items}
    assert {path for path in pages if path.name != "index.html"} - found == set()


def test_links_of_the_checkout_become_those_of_the_site(builder: ModuleType) -> None:
    known = {"docs/how-to/a.md": "how-to/a.md", "GUARANTEES.md": "guarantees.md"}

    def changed(text: str) -> str:
        return builder.site_text("docs/how-to/a.md", text, known)

    assert changed("[g](../../GUARANTEES.md#x)") == "[g](../guarantees.md#x)"
    assert changed("[e](../../examples/bot.py) and [o](https://o.example)") == "e and [o](https://o.example)"
    code = "```sh\n[g](../../nothing.md)\n```\n"
    assert changed(code) == code
    with pytest.raises(builder.BrokenLink):
        changed("[g](../../nothing.md)")


def test_every_link_of_every_markdown_file_leads_to_a_file() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    broken: list[str] = []
    for name in filter(None, listed.split("\0")):
        text = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(), flags=re.MULTILINE | re.DOTALL)
        for target in MARKDOWN_LINK.findall(text):
            path = target.partition("#")[0]
            if path and "://" not in target and not (ROOT / name).parent.joinpath(path).exists():
                broken.append(f"{name}: {target}")
    assert broken == []


@pytest.fixture(scope="module")
def suite(site: Path) -> Iterator[Suite]:
    """A suite whose gateway serves the site."""
    with running_suite({"PARLOUR_GATEWAY_DOCS_ROOT": str(site)}) as running:
        yield running


async def test_a_visitor_searches_under_the_gateway_s_policy(suite: Suite) -> None:
    """Chromium reports what the policy forbids as an error of the page's console."""
    async with chromium() as browser:
        page = await browser.new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(f"{suite.url}/docs/")
        await page.get_by_role("heading", name="Parlour").wait_for()
        await page.keyboard.press("/")
        await page.keyboard.type("legal hold")
        await page.locator("a[href*='/privacy.html?h=legal+hold']").first.click()
        await page.wait_for_url("**/docs/how-to/privacy.html*")
        assert errors == []
