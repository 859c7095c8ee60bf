"""Words that production code does not use as names, and docstrings too short to say anything.

`docs/glossary.md` has the words that are used instead.
"""

import ast
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import pytest
import sources

WORDS = {
    "attendance", "beating", "beats", "consequences", "desk", "emptiness", "face", "faces", "fleet", "heeded",
    "ledger", "life", "lives", "losing", "notebook", "outlet", "outlets", "passing", "shelf", "shelve", "shelved",
    "telling", "told", "unnoticed",
}  # fmt: skip
"""Not used as any word of a name: metaphors and participles that no other system has."""
NAMES = {
    "as_to", "asked", "behind", "book", "bring_forward", "held", "hears", "insist", "kept", "lane", "lanes",
    "look_again", "of", "seat", "seats", "sight", "standing", "turn", "turned", "turns",
}  # fmt: skip
"""Not used as a whole name, though they may be a part of one (`kept_until`)."""
CONSTANTS = {"A", "ANSWER_WITHIN_S", "PAGE", "R", "S", "TURN", "WITHIN_S"}
"""Not used as the whole name of a module's constant: it says of what. A `TypeVar` may have one letter."""
CLASSES = {
    "AppTold", "Book", "Change", "DevTokenAsk", "Done", "Draft", "Entry", "FactBook", "Followed", "Follower",
    "Following", "Kept", "Leaving", "Missed", "People", "Place", "Present", "Refused", "Reminders", "Run", "Seat",
    "Sight", "Standing", "StatusTold", "Unit",
}  # fmt: skip
"""Not used as the whole name of a class: another word of the glossary says which of several things it is."""
SHORTEST_DOCSTRING = 4
"""Words. A shorter one repeats the name, or is a riddle; a private function needs none."""


class Kind(Enum):
    """What a name is given to."""

    CLASS = "class"
    CONSTANT = "constant"
    OTHER = "other"


class Declared(NamedTuple):
    """A name where it is declared."""

    name: str
    line: int
    kind: Kind = Kind.OTHER


def words(name: str) -> list[str]:
    """`roomsToLeave` and `rooms_to_leave` → rooms, to, leave."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)]


def is_banned(declared: Declared) -> bool:
    """Whether a name is one of those that are not used."""
    name = declared.name.strip("_")
    whole = {Kind.CLASS: NAMES | CLASSES, Kind.CONSTANT: NAMES | CONSTANTS, Kind.OTHER: NAMES}[declared.kind]
    return bool(WORDS & set(words(name))) or name in whole


def python_names(path: Path) -> Iterator[Declared]:
    """The module, its constants, classes with their fields, functions and their parameters."""
    for part in {path.parent.name, path.stem} if path.stem == "__init__" else {path.stem}:
        yield Declared(part, 1)
    for node in sources.tree(path).body:
        if isinstance(node, ast.Assign) and "TypeVar" not in ast.unparse(node.value):
            yield from (
                Declared(one.id, one.lineno, Kind.CONSTANT) for one in node.targets if isinstance(one, ast.Name)
            )
    for node in ast.walk(sources.tree(path)):
        if isinstance(node, ast.ClassDef):
            yield Declared(node.name, node.lineno, Kind.CLASS)
            fields = (part.target for part in node.body if isinstance(part, ast.AnnAssign))
            yield from (Declared(field.id, field.lineno) for field in fields if isinstance(field, ast.Name))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Declared(node.name, node.lineno)
        elif isinstance(node, ast.arg):
            yield Declared(node.arg, node.lineno)


TYPESCRIPT_DECLARATION = re.compile(
    r"^\s*(?:export |default |declare |abstract |private |protected |public |static |readonly |async |get |set )*"
    r"(?:(?P<kind>class|interface|type|enum|function)\s+)?(?P<name>#?\w+)\s*(?:<[^>()]*>)?"
    r"(?:\((?P<parameters>[^()]*)\)\s*(?::[^{=;]+)?\{|(?=[ {=<]))"
)
NOT_NAMES = {"if", "for", "while", "switch", "catch", "return", "constructor", "super", "function", "else", "do", "try"}


def typescript_names(path: Path) -> Iterator[Declared]:
    """The module, its classes, types, functions and methods, with the parameters of the latter two."""
    yield Declared(path.stem, 1)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = TYPESCRIPT_DECLARATION.match(line)
        if found is None or found["name"] in NOT_NAMES or (found["kind"] is None and found["parameters"] is None):
            continue
        is_class = found["kind"] in ("class", "interface", "type", "enum")
        yield Declared(found["name"].lstrip("#"), number, Kind.CLASS if is_class else Kind.OTHER)
        for parameter in re.findall(r"(?:^|,)\s*(\w+)\??\s*[:,=)]", found["parameters"] or ""):
            yield Declared(parameter, number)


def short_docstrings(path: Path) -> list[int]:
    """The lines of docstrings (of `/** … */` in TypeScript) with too few words."""
    if path.suffix == ".py":
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        nodes = (node for node in ast.walk(sources.tree(path)) if isinstance(node, documented))
        texts = [(getattr(node, "lineno", 1), text) for node in nodes if (text := ast.get_docstring(node)) is not None]
    else:
        code = path.read_text()
        texts = [
            (code.count("\n", 0, found.start()) + 1, re.sub(r"^\s*\*", "", found[1], flags=re.MULTILINE))
            for found in re.finditer(r"/\*\*(.*?)\*/", code, re.DOTALL)
        ]
    return [line for line, text in texts if len(text.split()) < SHORTEST_DOCSTRING]


def shipped() -> dict[str, list[Path]]:
    """The sources of each package, Python and TypeScript."""
    found: dict[str, list[Path]] = {}
    for path in sources.production():
        if path.name != "bootstrap.py":
            found.setdefault(sources.member_parts(path)[0], []).append(path)
    web = sources.ROOT / "libs" / "sdk-web" / "src"
    found["sdk-web"] = [path for path in sources.tracked() if path.suffix == ".ts" and path.is_relative_to(web)]
    return found


SHIPPED = shipped()


@pytest.mark.parametrize("package", SHIPPED)
def test_names_are_words_of_the_field(package: str) -> None:
    found: list[str] = []
    for path in SHIPPED[package]:
        declared = python_names(path) if path.suffix == ".py" else typescript_names(path)
        found += [f"{sources.shown(path)}:{one.line}: {one.name}" for one in declared if is_banned(one)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("package", SHIPPED)
def test_docstrings_are_sentences(package: str) -> None:
    found = [f"{sources.shown(path)}:{line}" for path in SHIPPED[package] for line in short_docstrings(path)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "kind", "banned"),
    [
        ("open_shelf", Kind.OTHER, True),
        ("RoomLife", Kind.CLASS, True),
        ("kept", Kind.OTHER, True),
        ("kept_until", Kind.OTHER, False),
        ("Draft", Kind.CLASS, True),
        ("draft", Kind.OTHER, False),
        ("PAGE", Kind.CONSTANT, True),
        ("EVENTS_PER_PAGE", Kind.CONSTANT, False),
        ("lifetime", Kind.OTHER, False),
        ("_told", Kind.OTHER, True),
    ],
)
def test_a_banned_name_is_known(name: str, kind: Kind, banned: bool) -> None:
    assert is_banned(Declared(name, 1, kind)) is banned


def test_typescript_is_read(tmp_path: Path) -> None:
    module = tmp_path / "shelf.ts"
    module.write_text(
        "/** One. */\nexport class Book {\n  private async told(kept: string, later = 1): Promise<void> {\n    if (kept) {\n"
        "    }\n  }\n}\n/** This one says what it does. */\nexport function lives<T>(of: T): T {\n"
    )
    assert [one.name for one in typescript_names(module) if is_banned(one)] == [
        "shelf",
        "Book",
        "told",
        "kept",
        "lives",
        "of",
    ]
    assert short_docstrings(module) == [1]


def test_python_is_read(tmp_path: Path) -> None:
    module = tmp_path / "ledger.py"
    module.write_text(
        '"""What a test reads here."""\nPAGE = 5\nA = TypeVar("A")\nclass Desk:\n    """Gone."""\n    lives: int = 0\n'
        "    def room(self, told: int) -> None: ...\n"
    )
    found = {one.name for one in python_names(module) if is_banned(one)}
    assert found == {"ledger", "PAGE", "Desk", "lives", "told"}
    assert short_docstrings(module) == [4]
