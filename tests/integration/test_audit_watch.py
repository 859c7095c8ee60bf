"""`audit watch` and `doctor` against a whole suite whose database a superuser changes; the how-to's command is the one that is run."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from parlour.testkit.suite import Suite, running_suite
from parlour.testkit.waiting import eventually

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "audit.md"
COMMAND, ADDRESS, FOLDER = ".venv/bin/parlour audit watch", "http://localhost:8080", "checkpoints"


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with running_suite(environment={"PARLOUR_RECORD_CHECKPOINT_S": "0.3"}) as running:
        yield running


def documented(suite: Suite, folder: Path) -> list[str]:
    (line,) = [line for line in HOW_TO.read_text().splitlines() if line.startswith(COMMAND)]
    assert ADDRESS in line
    words = shlex.split(line.replace(ADDRESS, suite.url))
    return [str(folder) if word == FOLDER else word for word in words[1:]]


async def test_a_tree_that_goes_back_is_cried_out(suite: Suite, tmp_path: Path) -> None:
    once = documented(suite, tmp_path / "kept")
    sql = await asyncpg.connect(suite.status()["postgres"])
    try:
        for name in ("first", "second"):
            suite.run("apps", "create", "--name", name)
            await _signed(sql)
            assert "leaves" in suite.run(*once).stdout
        assert "✓ signed tree" in suite.run("doctor", check=False).stdout
        kept = sorted(int(one.stem) for one in (tmp_path / "kept").glob("*.note"))
        assert len(kept) == 2
        await sql.execute("DELETE FROM parlour.checkpoint WHERE size > $1", kept[0])
        await sql.execute("DELETE FROM parlour.tree_leaf WHERE leaf_index >= $1", kept[0])
    finally:
        await sql.close()
    cry = tmp_path / "cry"
    done = suite.run(*once, "--alarm", f"{shlex.quote(str(_script(tmp_path)))} {shlex.quote(str(cry))}", check=False)
    assert (done.returncode, cry.read_text()) == (1, done.stderr.partition(": ")[2])
    assert f"one of {kept[1]} was signed before" in done.stderr
    examined = suite.run("doctor", check=False)
    assert examined.returncode == 1
    assert "✗ signed tree" in examined.stdout
    assert f"one of {kept[1]} was signed" in examined.stdout


async def _signed(sql: asyncpg.Connection) -> None:
    """Until the last event of each log is in a checkpoint; the record signs every 0.3 s."""
    signed = (
        "SELECT count(*) = 0 FROM parlour.log g WHERE NOT EXISTS "
        "(SELECT FROM parlour.tree_leaf t WHERE t.room_uid = g.uid AND t.seq = g.seq)"
    )
    await eventually(lambda: sql.fetchval(signed), "every head is signed", poll_s=0.1)


def _script(folder: Path) -> Path:
    script = folder / "alarm"
    script.write_text('#!/bin/sh\necho "$2" > "$1"\n')
    script.chmod(0o755)
    return script


def test_who_does_not_answer_is_no_contradiction(suite: Suite, tmp_path: Path) -> None:
    done = suite.run("audit", "watch", "http://127.0.0.1:1", "--keep", str(tmp_path), "--once", check=False)
    assert done.returncode == 3
    assert "not known" in done.stderr
    assert "Traceback" not in done.stderr
