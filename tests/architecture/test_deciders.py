"""Deciders have one signature, their rules numbered and `evolve` beside `decide`; clock and chance come into a service from its wiring."""

import ast
import re
from pathlib import Path

import pytest
import sources

SIGNATURES = {"decide": (["state", "command"], ["at", "ids"]), "evolve": (["state", "event"], [])}
PROPERTIES = sources.ROOT / "tests" / "unit" / "deciders" / "test_decider_properties.py"
INNER = {"app", "domain"}
CLOCKS = {
    ("time", "time"), ("time", "time_ns"), ("time", "monotonic"), ("time", "monotonic_ns"), ("time", "perf_counter"),
    ("datetime", "now"), ("datetime", "utcnow"), ("date", "today"),
}  # fmt: skip
CHANCE_MODULES = {"random", "secrets"}
CHANCE_NAMES = {"uuid1", "uuid4", "uuid7", "urandom"}
SYSTEM_PORTS = {"SystemClock", "SystemIds"}


def inner_modules() -> list[Path]:
    """The modules of the services' applications and domains."""
    return [
        path
        for path in sources.production()
        if (parts := sources.member_parts(path))[0] in sources.SERVICES and parts[1] in INNER
    ]


def deciders() -> list[Path]:
    """The modules that define `decide`."""
    return [path for path in inner_modules() if "decide" in functions(path)]


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The top-level functions of a module by name."""
    return {node.name: node for node in sources.tree(path).body if isinstance(node, ast.FunctionDef)}


def offered(path: Path) -> set[str]:
    """The names that a module defines or imports."""
    imported = [node for node in sources.tree(path).body if isinstance(node, ast.ImportFrom)]
    return {*functions(path), *(alias.asname or alias.name for node in imported for alias in node.names)}


def test_deciders_have_one_signature() -> None:
    assert len(deciders()) >= 5
    wrong: list[str] = []
    for path in deciders():
        for name, function in functions(path).items():
            arguments = [one.arg for one in function.args.args], [one.arg for one in function.args.kwonlyargs]
            if name in SIGNATURES and arguments != SIGNATURES[name]:
                wrong.append(f"{sources.shown(path)}: {name}{arguments} is not {SIGNATURES[name]}")
    assert not wrong, "\n".join(wrong)


def test_evolve_stands_beside_decide_and_rules_are_numbered() -> None:
    for path in deciders():
        assert "evolve" in offered(path), f"{sources.shown(path)} has no evolve"
        docstring = ast.get_docstring(sources.tree(path)) or ""
        assert re.search(r"^Invariants.*:?\n1\. .+\n2\. ", docstring, re.MULTILINE | re.DOTALL), sources.shown(path)


def test_every_decider_has_its_property_tests() -> None:
    listed = PROPERTIES.read_text()
    missing = [
        name
        for path in deciders()
        if f'"{(name := ".".join(sources.member_parts(path)).removesuffix(".py"))}"' not in listed
    ]
    assert not missing, f"{missing} not in {sources.shown(PROPERTIES)}"


def reads_of_clock_and_chance(path: Path) -> list[str]:
    """Where a module names a clock or a source of chance, by line."""
    found: list[str] = []
    for node in ast.walk(sources.tree(path)):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                (module, name) in CLOCKS or module in CHANCE_MODULES or name in CHANCE_NAMES
            ):
                found.append(f"{path}:{node.lineno}: {module}.{name}")
            case ast.Import(names=names):
                drawn = {alias.name for alias in names} & CHANCE_MODULES
                found += [f"{path}:{node.lineno}: {name}" for name in sorted(drawn)]
            case ast.ImportFrom(module=module, names=names):
                drawn = {alias.name for alias in names}
                clocks = {name for name in drawn if (module, name) in CLOCKS}
                chance = drawn if module in CHANCE_MODULES else drawn & (CHANCE_NAMES | SYSTEM_PORTS)
                found += [f"{path}:{node.lineno}: {name}" for name in sorted(clocks | chance)]
            case _:
                pass
    return found


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("import time\nnow = time.monotonic", 1), ("from time import time_ns", 1), ("import random", 1), ("import time", 0),
        ("import uuid\nuuid.uuid4()", 1), ("from uuid import UUID, uuid5", 0), ("from x import SystemClock", 1),
        ("from datetime import datetime\ndatetime.now()", 1), ("def f(now, chance):\n    return chance.random() + now()", 0),
    ],
)  # fmt: skip
def test_the_reader_of_clocks_sees_what_it_should(source: str, reads: int, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(source)
    assert len(reads_of_clock_and_chance(module)) == reads


def test_clock_and_chance_come_in_as_arguments() -> None:
    found = {path: reads for path in inner_modules() if (reads := reads_of_clock_and_chance(path))}
    assert not found, "\n".join(line for reads in found.values() for line in reads)
