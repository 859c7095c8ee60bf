"""The examples do what they say, also when a gateway dies under them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from fault_record import logs

from parlour.client import Client
from parlour.testkit.faults.processes import Processes
from parlour.testkit.history import check
from parlour.testkit.subscribers import from_events
from parlour.testkit.suite import Suite

EXAMPLES = Path(__file__).parents[2] / "examples"
WITHIN_S = 20.0
MOST_LINES = {"raw_subscriber.py": 40}
_numbers = count(1)


class Program:
    """A running example and the lines that it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._came = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._came:
                self.lines.append(line.decode().strip())
                self._came.notify_all()

    async def printed(self, text: str) -> None:
        """Waits for a line with this text."""
        async with asyncio.timeout(WITHIN_S), self._came:
            await self._came.wait_for(lambda: any(text in line for line in self.lines))

    async def end(self) -> None:
        """kill -9."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading


@asynccontextmanager
async def example(name: str, *arguments: str, **variables: str) -> AsyncGenerator[Program]:
    """It runs for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, EXAMPLES / name, *arguments, env={**os.environ, **variables}, stdout=asyncio.subprocess.PIPE
    )
    program = Program(process)
    try:
        yield program
    finally:
        await program.end()


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"example-{next(_numbers)}"


async def test_the_raw_subscriber_misses_nothing_when_gateways_and_it_itself_die(
    doubled: Suite, processes: Processes, room: str
) -> None:
    user, sockets = f"{room}-raw", [url.replace("http", "ws", 1) + "/ws" for url in doubled.urls]
    token, app = doubled.dev_token(user), str(doubled.app_id)
    bob = f"{room}-bob"
    async with Client(doubled.urls, app=doubled.app_id, user=bob, token=doubled.dev_token(bob)) as client:
        talk = client.room(room)
        async with example("raw_subscriber.py", app, room, user, "", *sockets, PARLOUR_TOKEN=token) as first:
            await first.printed("resync")
            for number in range(8):
                if number == 3:
                    dead = processes.kill("gateway")
                    await talk.barrage("while it is dead")
                    await processes.back("gateway", dead)
                await talk.barrage(f"said {number}")
            await first.printed("said 7")
        frames = [json.loads(line) for line in first.lines if not line.startswith("resync")]
        await talk.barrage("while nobody listened")
        held = frames[-1]["pos"]
        async with example("raw_subscriber.py", app, room, user, held, *sockets, PARLOUR_TOKEN=token) as second:
            await second.printed("while nobody listened")
            await talk.barrage("the end")
            await second.printed("the end")
    assert [line for line in second.lines if line.startswith("resync")] == []
    frames += [json.loads(line) for line in second.lines]
    texts = [frame["data"]["text"] for frame in frames if "text" in frame["data"]]
    expected = [f"said {number}" for number in range(8)]
    assert texts == [*expected[:3], "while it is dead", *expected[3:], "while nobody listened", "the end"]
    began = first.lines[0].split()[1]
    record = await logs(doubled.status()["nats"], doubled.app_id, [(room, began.split(".")[0])])
    assert check([from_events(user, began, [frame["pos"] for frame in frames], record)], record) == []


def test_every_example_is_short_and_has_a_test() -> None:
    here = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert path.read_text().count("\n") <= MOST_LINES.get(path.name, 150)
        assert f'"{path.name}"' in here, f"{path.name} is run by no test"
