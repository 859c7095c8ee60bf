"""A supervised process that runs and does not answer is shown as such, and as ready once it answers again."""

import asyncio
import sys
from pathlib import Path

import pytest

from parlour.cli.embedded.launch import Launch
from parlour.cli.supervise import child as supervised
from parlour.cli.supervise.child import Child


async def test_a_process_that_stands_still_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "PROBE_READY_EVERY_S", 0.001)
    answers = [False, True, False, False, True, False, False, False, False, True]
    shown: list[str] = []
    over = asyncio.Event()

    async def probe() -> bool:
        if not answers:
            over.set()
            await asyncio.Event().wait()
        return answers.pop(0)

    launch = Launch(argv=(sys.executable, "-c", "import time; time.sleep(60)"), environment={}, cwd=tmp_path)
    child = Child("im", lambda: launch, tmp_path / "im.log", probe)
    child.changed = lambda: shown.append(child.status().state)
    child.start()
    async with asyncio.timeout(10):
        await over.wait()
    assert shown == ["starting", "ready", "unready", "ready"], "two missed probes are no alarm, three are"
    await child.stop()
    assert child.status().state == "stopped"
