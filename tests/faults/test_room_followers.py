"""One follower in Python, Node and Go: it and a gateway are killed, the room opens again, and its file has each event once."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from parlour.cli.supervise.checkout import ROOT
from parlour.client import Client
from parlour.contracts.events import BY_TAG, Audience
from parlour.testkit.faults.processes import Processes
from parlour.testkit.programs import PYTHON, program
from parlour.testkit.suite import Suite
from parlour.testkit.waiting import eventually

EXAMPLES = ROOT / "examples"
WITHIN_S = 30.0
PATH = os.pathsep.join((str(ROOT / ".venv" / "node"), os.environ["PATH"], "/usr/local/go/bin"))
_numbers = count(1)
Language = Callable[[Path], tuple[Path, Sequence[str]]]
"""Takes a folder for builds; returns the program and the command before it."""


def node(_folder: Path) -> tuple[Path, Sequence[str]]:
    """The follower in Node and the command that runs it."""
    found = shutil.which("node", path=PATH)
    assert found, "make setup installs Node from its wheel where the machine has none"
    return EXAMPLES / "room_follower.mjs", (found,)


def go(folder: Path) -> tuple[Path, Sequence[str]]:
    """The follower in Go, compiled."""
    compiler = shutil.which("go", path=PATH)
    if compiler is None:
        pytest.skip("no Go toolchain here")
    binary = folder / "room_follower"
    built = [compiler, "build", "-o", str(binary), str(EXAMPLES / "room_follower.go")]
    done = subprocess.run(
        built, capture_output=True, text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local"}
    )
    assert done.returncode == 0, done.stderr
    return binary, ()


def python(_folder: Path) -> tuple[Path, Sequence[str]]:
    """The follower in Python, on the client's wheel."""
    return EXAMPLES / "room_follower.py", PYTHON


class Copy:
    """The file that a follower writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[dict[str, Any]]:
        """Its complete lines."""
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    async def has(self, text: str) -> None:
        """Waits for the event of a message."""

        def written() -> bool:
            return any(line.get("data", {}).get("text") == text for line in self.lines())

        await eventually(written, f"the follower has {text!r}", timeout_s=WITHIN_S, poll_s=0.05)


def of_readers(suite: Suite, room: str, call: str) -> list[tuple[str, str, Any]]:
    """(position, type, data) of each event of a call that a reader without the scope `audit` gets."""
    printed = suite.run("events", room, "--call", call, "--json").stdout
    return [
        (f"{one['roomUID']}.{one['seq']}.{one['hash'][:16]}", one["type"], one["data"])
        for one in map(json.loads, printed.splitlines())
        if BY_TAG[one["type"]].AUDIENCE is not Audience.AUDIT
    ]


def client(suite: Suite, user: str) -> Client:
    """A user's client at all gateways."""
    return Client(suite.urls, app=suite.app_id, user=user, token=suite.dev_token(user))


@pytest.mark.parametrize("language", [python, node, go])
async def test_each_event_is_in_the_file_once(
    doubled: Suite, processes: Processes, tmp_path: Path, language: Language
) -> None:
    number = next(_numbers)
    room, bob, ann = f"copied’s/{number}", f"copied-{number}-bob", f"copied-{number}-ann"
    path, runner = language(tmp_path)
    copy = Copy(tmp_path / "room.jsonl")
    token = doubled.run("token", "--subscribe", "--room", room, "--scope", "events").stdout.strip()
    arguments = (str(copy.path), room, *doubled.urls)
    async with client(doubled, bob) as first, client(doubled, ann) as second:
        talk = first.room(room)
        await talk.login()
        async with program(path, *arguments, runner=runner, PARLOUR_TOKEN=token) as follower:
            await talk.barrage("before")
            await copy.has("before")
            dead = processes.kill("gateway")
            await talk.barrage("while a gateway is dead")
            await processes.back("gateway", dead)
            await copy.has("while a gateway is dead")
            await follower.kill()
            with copy.path.open("a") as file:
                file.write('{"position": "cut o')
            await talk.barrage("while the follower is dead")
            await follower.start(*arguments)
            await copy.has("while the follower is dead")
            doubled.run("close", room, "--yes")
            await second.room(room).login()
            await second.room(room).barrage("in the next call")
            await copy.has("in the next call")
    calls = list(dict.fromkeys(line["position"].split(".")[0] for line in copy.lines()))
    assert len(calls) == 2
    expected = [event for call in calls for event in of_readers(doubled, room, call)]
    written = [(line["position"], line["type"], line["data"]) for line in copy.lines()]
    assert written == expected[: len(written)]
    assert [data["text"] for _, kind, data in written if kind == "im.barrage_sent.v1"] == [
        "before", "while a gateway is dead", "while the follower is dead", "in the next call",
    ]  # fmt: skip


async def test_a_token_that_may_not_read_ends_the_follower(doubled: Suite, tmp_path: Path) -> None:
    """In all three languages alike: exit code 1 and the server's code on standard error."""
    token = doubled.run("token", "--subscribe", "--room", "another", "--scope", "events").stdout.strip()
    for language in (python, node, go):
        if language is go and shutil.which("go", path=PATH) is None:
            continue
        path, runner = language(tmp_path)
        command = [*runner, str(path), str(tmp_path / "room.jsonl"), "lobby", doubled.url]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            capture_output=True,
            text=True,
            env={**os.environ, "PARLOUR_TOKEN": token},
            timeout=60,
        )
        assert (done.returncode, "9000012" in done.stderr) == (1, True), done.stderr
