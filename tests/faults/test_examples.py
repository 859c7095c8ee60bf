"""The examples do what they say, also when a gateway dies under them."""

import ast
import asyncio
import json
from itertools import count
from pathlib import Path

import pytest

from parlour.client import Client, Event, Room
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.record import logs
from parlour.testkit.history import check
from parlour.testkit.programs import program
from parlour.testkit.subscribers import from_events
from parlour.testkit.suite import Suite

EXAMPLES = Path(__file__).parents[2] / "examples"
RAW = EXAMPLES / "raw_subscriber.py"
WITHIN_S = 20.0
MOST_LINES = {"raw_subscriber.py": 40}
_numbers = count(1)


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"example-{next(_numbers)}"


async def test_the_raw_subscriber_misses_nothing_when_gateways_and_it_itself_die(
    doubled: Suite, processes: Processes, room: str
) -> None:
    sockets = [url.replace("http", "ws", 1) + "/ws" for url in doubled.urls]
    token = doubled.run("token", "--subscribe", "--room", room, "--scope", "events").stdout.strip()
    bob = f"{room}-bob"
    async with Client(doubled.urls, app=doubled.app_id, user=bob, token=doubled.dev_token(bob)) as client:
        talk = client.room(room)
        await talk.login()
        async with program(RAW, room, "", *sockets, PARLOUR_TOKEN=token) as first:
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
        async with program(RAW, room, held, *sockets, PARLOUR_TOKEN=token) as second:
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
    assert check([from_events("raw", began, [frame["pos"] for frame in frames], record)], record) == []


async def first_answer(room: Room) -> None:
    async for item in room.events():
        if isinstance(item, Event) and "here are" in item.data.get("text", ""):
            return


async def test_the_bot_answers_each_question_once(doubled: Suite, room: str) -> None:
    bot, bob = f"{room}-bot", f"{room}-bob"
    arguments = (str(doubled.app_id), room, bot, *doubled.urls)
    async with Client(doubled.urls, app=doubled.app_id, user=bob, token=doubled.dev_token(bob)) as client:
        talk = client.room(room)
        await talk.login()
        async with program(EXAMPLES / "bot.py", *arguments, PARLOUR_TOKEN=doubled.dev_token(bot)) as running:
            await running.printed(".")
            answered = asyncio.create_task(first_answer(talk))
            await asyncio.sleep(0)  # it reads from here on
            question = await talk.barrage("!who")
            await talk.barrage("!who", command_id=question.command_id)
            async with asyncio.timeout(WITHIN_S):
                await answered
    texts = [event["data"].get("text") for event in doubled.events(room)]
    assert texts.count("!who") == texts.count(f"here are {bob}") == 1


def test_every_example_is_short_and_has_a_test() -> None:
    run: set[str] = set()
    for test in Path(__file__).parents[1].rglob("test_*.py"):
        for node in ast.walk(ast.parse(test.read_text())):
            if (
                isinstance(node, ast.BinOp)
                and ast.unparse(node.left) == "EXAMPLES"
                and isinstance(node.right, ast.Constant)
            ):
                run.add(str(node.right.value))
    for path in filter(Path.is_file, EXAMPLES.iterdir()):
        assert path.read_text().count("\n") <= MOST_LINES.get(path.name, 150)
        assert path.name in run, f"{path.name} is run by no test"
