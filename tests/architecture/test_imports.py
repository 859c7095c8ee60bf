"""Who may import what: rules 4 and 5 of the house; rules 1 to 3 are import-linter's, run here as well."""

import ast
import subprocess
import sys

import pytest
import sources

OUTSIDE_WORLD = {
    "asyncio", "socket", "select", "selectors", "ssl", "time", "random", "secrets", "os", "pathlib", "logging",
    "subprocess", "threading", "multiprocessing", "sqlite3", "tempfile", "shutil", "signal", "urllib", "http",
    "sqlalchemy", "asyncpg", "alembic", "nats", "fastapi", "starlette", "uvicorn", "aiohttp", "aiortc", "picows", "websockets",
    "structlog", "prometheus_client", "stamina", "uuid_utils", "uvloop", "typer", "rich",
}  # fmt: skip
CHANCE_AND_CLOCK = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid7", "urandom", "token_bytes", "token_hex"}
FRAMEWORKS = {"sqlalchemy", "nats", "fastapi", "aiortc"}
EDGES = {"adapters", "api"}


def tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def test_pure_parts_reach_no_clock_no_chance_and_no_outside() -> None:
    broken = [
        f"{sources.shown(path)} imports {', '.join(sorted(found))}"
        for path in sources.production()
        if sources.is_pure(path) and (found := tops(sources.imported(path)) & OUTSIDE_WORLD)
    ]
    assert not broken, "\n".join(broken)


def test_pure_parts_take_time_ids_and_chance_as_arguments() -> None:
    broken = [
        f"{sources.shown(path)}:{node.lineno} calls {node.func.attr}()"
        for path in sources.production()
        if sources.is_pure(path)
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CHANCE_AND_CLOCK
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "uuid", "uuid_utils", "secrets", "os"}
    ]
    assert not broken, "\n".join(broken)


def test_frameworks_stay_at_the_edges() -> None:
    broken: list[str] = []
    for path in sources.production():
        member, *inside = sources.member_parts(path)
        if (
            member in sources.SERVICES
            and inside[0] not in EDGES
            and (found := tops(sources.imported(path)) & FRAMEWORKS)
        ):
            broken.append(f"{sources.shown(path)} imports {', '.join(sorted(found))}")
    assert not broken, "\n".join(broken)


def test_pure_parts_import_only_pure_parts_of_ours() -> None:
    broken: list[str] = []
    for path in sources.production():
        if not sources.is_pure(path):
            continue
        own = f"parlour.{sources.member_parts(path)[0]}"
        for name in sources.imported(path):
            ours = name.startswith("parlour.") and not name.startswith(
                (f"{own}.", "parlour.contracts", "parlour.kernel")
            )
            if ours and name != own:
                broken.append(f"{sources.shown(path)} imports {name}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("source", "caught"),
    [("import time", True), ("from os import path", True), ("import datetime", False), ("from . import time", False)],
)
def test_the_import_reader_sees_what_it_should(source: str, caught: bool, tmp_path) -> None:  # pyright: ignore
    module = tmp_path / "module.py"
    module.write_text(source)
    assert bool(tops(sources.imported(module)) & OUTSIDE_WORLD) is caught


def test_import_linter_keeps_every_contract() -> None:
    done = subprocess.run(
        [f"{sys.prefix}/bin/lint-imports", "--no-cache"], cwd=sources.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_extends_the_import_path() -> None:
    """What several tests or benchmarks share is in the testkit; what the tests of one folder share, in pytest's `pythonpath`."""
    broken = [
        f"{sources.shown(path)}:{node.lineno}"
        for path in sources.python_files()
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "sys.path"
    ]
    assert not broken, "\n".join(broken)
