"""Builds the documentation site: `python docs/build_site.py FOLDER`. It needs Zensical and no network.

The pages of docs/ and some pages of the checkout's top folder become one site. A link to a source file becomes text, since the site has
no sources; a link to a page that is not there is an error. The built pages have no inline script or style, so that a server may forbid
both.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

DOCS = Path(__file__).parent
ROOT = DOCS.parent
MORE_PAGES = {
    "GUARANTEES.md": "guarantees.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "bench/README.md": "measurements.md",
}
"""Pages outside docs/, by their path in the checkout, and where they are on the site."""
SEARCH_INDEX = "search.json"
"""A file that every site has."""
NOT_PAGES = {"build_site.py", "navigation.toml"}
SETTINGS = """[project]
site_name = "Parlour"
site_description = "Self-hosted audio and video rooms that record every event"
docs_dir = "pages"
site_dir = "site"
use_directory_urls = false
copyright = "Apache-2.0"
nav = {nav}

[project.theme]
font = false
features = ["navigation.indexes", "navigation.sections", "navigation.footer", "content.code.copy", "search.highlight", "toc.follow"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Switch to dark mode"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Switch to light mode"

[project.extra]
generator = false
"""
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
INLINE_STYLE = re.compile(r'(\w+)\.appendChild\(\w+\("style",\{\},(\w+)\.toString\(\)\)\)')
"""Where Zensical's script puts the style of the search dialog into the page."""
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class BrokenLink(Exception):
    """A page links to what is not there."""


def page_paths() -> dict[str, str]:
    """Each page's path in the checkout, and its path on the site, where a folder's README is its index."""
    own = {path.relative_to(ROOT).as_posix(): path.relative_to(DOCS) for path in DOCS.rglob("*.md")}
    renamed = {source: to.with_name("index.md") if to.name == "README.md" else to for source, to in own.items()}
    return {source: to.as_posix() for source, to in renamed.items()} | MORE_PAGES


def site_text(source: str, text: str, pages: dict[str, str]) -> str:
    """A page's text with the links of the checkout changed to those of the site. Code is left alone."""

    def changed(match: re.Match[str]) -> str:
        label, target = match.groups()
        path, _, fragment = target.partition("#")
        if not path or "://" in target or target.startswith("mailto:"):
            return match[0]
        meant = normpath((PurePosixPath(source).parent / path).as_posix())
        if not (ROOT / meant).exists():
            raise BrokenLink(f"{source}: {target}")
        to = pages.get(meant) or (meant.removeprefix("docs/") if meant.startswith("docs/") else "")
        if not to or (ROOT / meant).is_dir():
            return label
        way = relpath(to, PurePosixPath(pages[source]).parent.as_posix())
        return f"[{label}]({way}{'#' + fragment if fragment else ''})"

    parts, end = list[str](), 0
    for code in re.finditer(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL):
        parts += [LINK.sub(changed, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, LINK.sub(changed, text[end:])])


def navigation(paths: set[str]) -> list[tuple[str, list[str]]]:
    """The sections with their pages; every page is in one of them."""
    left = set(paths)
    sections: list[tuple[str, list[str]]] = []
    for section in tomllib.loads((DOCS / "navigation.toml").read_text())["section"]:
        folder = section.get("folder", "")
        found = [path for path in paths if folder and path.startswith(f"{folder}/")]
        inside = sorted(found, key=lambda path: (not path.endswith("/index.md"), path))
        named = [path for path in section.get("pages", ()) if path in paths]
        if pages := [*named, *inside]:
            sections.append((section["title"], pages))
        left -= {*named, *inside}
    return [*sections, *([("More", sorted(left))] if left else [])]


def write_pages(folder: Path) -> None:
    """Writes the project that Zensical builds: its pages, everything else of docs/, and its settings."""
    pages = page_paths()
    shutil.copytree(DOCS, folder / "pages", ignore=shutil.ignore_patterns(*NOT_PAGES, "*.md", "__pycache__"))
    for source, to in pages.items():
        (folder / "pages" / to).write_text(site_text(source, (ROOT / source).read_text(), pages))
    sections = [f"{{{json.dumps(title)} = {json.dumps(inside)}}}" for title, inside in navigation(set(pages.values()))]
    (folder / "zensical.toml").write_text(SETTINGS.replace("{nav}", f"[{', '.join(sections)}]"))


def move_inline_scripts(site: Path) -> None:
    """Moves each inline script of a page into a file that the page loads at the same place."""
    scripts = site / "assets" / "inline"
    scripts.mkdir(parents=True, exist_ok=True)
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)

        def loaded(match: re.Match[str], up: str = up) -> str:
            name = f"{hashlib.sha256(match[1].encode()).hexdigest()[:16]}.js"
            (scripts / name).write_text(match[1])
            return f'<script src="{up}assets/inline/{name}"></script>'

        page.write_text(INLINE_SCRIPT.sub(loaded, page.read_text()))


def adopt_search_style(site: Path) -> None:
    """Makes the search dialog's style a constructed style sheet, which a policy against inline styles lets pass.

    Raises LookupError where another release of Zensical does it otherwise.
    """
    (script,) = (site / "assets" / "javascripts").glob("bundle.*.js")
    adopted = r"((sheet)=>{sheet.replaceSync(\2.toString());\1.adoptedStyleSheets=[sheet]})(new CSSStyleSheet())"
    text, places = INLINE_STYLE.subn(adopted, script.read_text())
    if places != 1:
        raise LookupError(f"{script.name} has {places} inline styles instead of one")
    script.write_text(text)


def build(target: Path) -> None:
    """Builds the site and puts it in place of `target`, which must be an earlier site or not exist.

    Raises FileExistsError for any other folder, BrokenLink, and CalledProcessError where Zensical finds a fault.
    """
    if target.exists() and not (target / SEARCH_INDEX).is_file():
        raise FileExistsError(f"{target} holds something else than a site; name a folder that is not there yet")
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Path(folder))
        subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, check=True)
        site = Path(folder, "site")
        (site / "404.html").unlink(missing_ok=True)
        move_inline_scripts(site)
        adopt_search_style(site)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(site, target)


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
