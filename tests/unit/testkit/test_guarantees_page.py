"""GUARANTEES.md, the planted faults and the tests keep step; what counts as a failure is the test's own assertion."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from parlour.testkit.guarantees import by_assertion, guarantees, outcomes
from parlour.testkit.planted import plant, planted_faults
from parlour.testkit.planted.patching import disable

ROOT = Path(__file__).resolve().parents[3]
ROWS = guarantees((ROOT / "GUARANTEES.md").read_text())


def functions(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_fault_breaks_one_promise_and_each_promise_has_one() -> None:
    assert sorted(row.fault for row in ROWS) == sorted(planted_faults())
    assert len({row.promise for row in ROWS}) == len({row.test for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.fault for row in ROWS])
def test_its_test_is_there(row: tuple[str, str, str]) -> None:
    path, _, name = row[2].partition("::")
    assert name in functions(ROOT / path)


def test_every_line_of_the_table_was_read() -> None:
    lines = [line for line in (ROOT / "GUARANTEES.md").read_text().splitlines() if line.startswith("| ")]
    assert len(lines) == len(ROWS) + 1, "the rest is its head"


@pytest.mark.parametrize("name", sorted(planted_faults()))
def test_each_fault_finds_what_it_patches(name: str) -> None:
    subprocess.run([sys.executable, "-c", f"from parlour.testkit.planted import plant; plant({name!r})"], check=True)


def test_a_fault_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no_such_method"):
        disable(object(), "no_such_method")


def test_only_an_assertion_counts(tmp_path: Path) -> None:
    scene = tmp_path / "test_scene.py"
    scene.write_text(
        "import os\n"
        "def test_says(): assert os.environ['PARLOUR_TESTKIT_FAULT'] != 'ignored_ban'\n"
        "def test_falls(): raise OSError('no suite')\n"
        "def test_holds(): pass\n"
    )
    found = outcomes([str(scene)], "ignored_ban")
    assert found["test_holds"] == "passed"
    assert {name: by_assertion(outcome) for name, outcome in found.items()} == {
        "test_says": True, "test_falls": False, "test_holds": False,
    }  # fmt: skip


def test_a_fault_of_the_testkit_is_planted_in_the_test_and_in_what_it_starts(tmp_path: Path) -> None:
    scene = tmp_path / "test_scene.py"
    scene.write_text(
        "import subprocess, sys\n"
        "from pathlib import Path\n"
        "HOME = 'from parlour.record.app.retention.verifier import ArchiveVerifier; print(ArchiveVerifier.find_problem.__module__)'\n"
        "def test_here():\n"
        "    from parlour.record.app.retention.verifier import ArchiveVerifier\n"
        "    assert ArchiveVerifier.find_problem.__module__ == 'parlour.record.app.retention.verifier'\n"
        "def test_below():\n"
        "    said = subprocess.run([sys.executable, '-c', HOME], capture_output=True, text=True).stdout\n"
        "    assert said.strip() == 'parlour.record.app.retention.verifier'\n"
        "def test_command():\n"
        "    parlour = Path(sys.executable).with_name('parlour')\n"
        "    assert subprocess.run([parlour, '--help'], capture_output=True).returncode == 0\n"
    )
    assert set(outcomes([str(scene)]).values()) == {"passed"}
    broken = outcomes([str(scene)], "unverified_drop")
    assert {name: by_assertion(outcome) for name, outcome in broken.items()} == {
        "test_here": True, "test_below": True, "test_command": False,
    }  # fmt: skip


def test_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(KeyError):
        plant("no_such_fault")
