"""Where things lie and how large they are."""

import ast
import re

import pytest
import sources

LONGEST = {".py": 500, ".ts": 500, ".tsx": 500, ".rs": 500}
NEVER_NAMES = {"manager", "helper", "helpers", "utils", "util", "common", "misc", "base", "data", "info"}
SERVICE_ENTRIES = {
    "__init__.py",
    "__main__.py",
    "settings.py",
    "wiring.py",
    "py.typed",
    "domain",
    "app",
    "adapters",
    "api",
}
MAIN_LINES = 15


def members() -> list[str]:
    return sorted(
        {
            sources.member_parts(path)[0]
            for path in sources.production()
            if "services" in path.relative_to(sources.ROOT).parts
        }
    )


def test_no_source_is_longer_than_a_reader_s_patience() -> None:
    long = [
        f"{sources.shown(path)}: {lines}"
        for path in sources.tracked()
        if path.suffix in LONGEST and (lines := path.read_text().count("\n")) > LONGEST[path.suffix]
    ]
    assert not long, "\n".join(long)


def test_the_namespace_belongs_to_no_member() -> None:
    assert not [path for path in sources.tracked() if path.parts[-2:] == ("parlour", "__init__.py")]


def test_every_service_is_the_same_inside() -> None:
    strange: set[str] = set()
    for path in sources.production():
        member, entry, *_ = sources.member_parts(path)
        if member in sources.SERVICES and entry not in SERVICE_ENTRIES:
            strange.add(f"{member}/{entry}")
    assert not strange, strange


@pytest.mark.parametrize("service", sources.SERVICES)
def test_a_service_s_process_is_a_few_lines_over_its_wiring(service: str) -> None:
    inside = sources.ROOT / "services" / service / "src" / "parlour" / service
    main = (inside / "__main__.py").read_text()
    assert main.count("\n") < MAIN_LINES
    assert "run(" in main
    assert "def build" in (inside / "wiring.py").read_text()


def test_every_module_says_what_it_is() -> None:
    silent = [sources.shown(path) for path in sources.production() if not ast.get_docstring(sources.tree(path))]
    assert not silent, "\n".join(silent)


def test_names_say_something() -> None:
    empty = [
        sources.shown(path)
        for path in sources.tracked()
        if {path.stem, path.parent.name} & NEVER_NAMES and path.suffix in LONGEST
    ]
    assert not empty, "\n".join(empty)


def test_no_part_is_left_for_later() -> None:
    marks = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|Not" r"ImplementedError|unimpl" r"emented!|to" r"do!\(")
    left = [
        f"{sources.shown(path)}:{number}"
        for path in sources.tracked()
        if path.suffix in {".py", ".ts", ".rs", ".sql", ".html"}
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert not left, "\n".join(left)


def test_test_modules_have_names_of_their_own() -> None:
    names = [path.name for path in sources.python_files("tests") if path.name.startswith("test_")]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
