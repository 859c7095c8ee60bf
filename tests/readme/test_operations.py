"""The blocks of docs/how-to/backup.md in a suite of their own: what is restored is proven to be what was recorded, and goes on."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from parlour.cli.supervise.checkout import ROOT
from parlour.client import Client
from parlour.testkit.pages import blocks_of, filled, run_shell
from parlour.testkit.suite import Suite, running_suite

PAGE = ROOT / "docs" / "how-to" / "backup.md"
ROOM = "kept"
DUMP, RESTORE, PROVE, COPY = [block.text for block in blocks_of(PAGE) if block.language == "sh"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postgres's own account may pass through."""
    with tempfile.TemporaryDirectory(prefix="parlour-backup-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def suite() -> Iterator[Suite]:
    """A suite that signs checkpoints often."""
    with running_suite({"PARLOUR_RECORD_CHECKPOINT_S": "1"}) as running:
        yield running


async def recorded_call(suite: Suite) -> str:
    """Makes a call with a message and returns its roomUID, once a checkpoint covers it."""
    async with Client(suite.url, app=suite.app_id, user="ann", token=suite.dev_token("ann")) as client:
        await client.room(ROOM).broadcast("keep this")
    call = str(suite.replay(ROOM)["roomUID"])
    with tempfile.TemporaryDirectory() as name:
        await asyncio.to_thread(suite.run, "audit", "export", call, "-o", f"{name}/call.jsonl")
    return call


async def test_a_dump_is_restored_and_proven_beside_the_running_suite(suite: Suite, folder: Path) -> None:
    call = await recorded_call(suite)
    restored = Suite(folder / "restored", {"PARLOUR_RECORD_CHECKPOINT_S": "1"})
    try:
        text = filled(DUMP + RESTORE + PROVE, suite, {"ROOM_UID": call})
        done = await asyncio.to_thread(run_shell, text, suite, folder)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert "whole: room kept" in done.stdout
        assert "of one history" in done.stdout
        before, after = suite.events(ROOM), restored.events(ROOM)
        assert after == before
        assert "keep this" in str(after)
        async with Client(restored.url, app=restored.app_id, user="bob", token=restored.dev_token("bob")) as client:
            await client.room("later").broadcast("it goes on")
    finally:
        restored.down()


async def test_a_copy_of_a_stopped_suite_starts(suite: Suite, folder: Path) -> None:
    await recorded_call(suite)
    before = suite.events(ROOM)
    copy = Suite(folder / "copy")
    try:
        done = await asyncio.to_thread(run_shell, filled(COPY, suite, {}), suite, folder)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert copy.events(ROOM) == before
    finally:
        copy.down()
