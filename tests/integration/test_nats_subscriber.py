"""examples/nats_subscriber.py against a scripted record: what NATS loses, repeats or tells late, it prints once and in order."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from parlour.cli.embedded.launch import Launch, free_port
from parlour.cli.embedded.nats import binary
from parlour.contracts import subjects
from parlour.testkit.embedded import spawn, stop
from parlour.testkit.programs import Program, program

EXAMPLE = Path(__file__).parents[2] / "examples" / "nats_subscriber.py"
APP, ROOM = 4_200_001, "möte nr.1"
EARLIER, LATER = "0190-earlier", "0191-later"
PAGE = 2
WITHIN_S = 15.0
CLAIMS = {"app": APP, "room": ROOM, "jti": "one.token", "exp": int(time.time()) + 600}
TOKEN = {"PARLOUR_TOKEN": jwt.encode(CLAIMS, "k" * 32)}


def event(call: str, seq: int) -> dict[str, Any]:
    """As a reader gets it; the hash names the place."""
    return {"roomUID": call, "seq": seq, "hash": hash_of(call, seq), "prev": hash_of(call, seq - 1)}


def hash_of(call: str, seq: int) -> str:
    return f"{call[:4]}{seq:04}".ljust(64, "f") if seq else "0" * 64


def position(call: str, seq: int) -> str:
    return f"{call}.{seq}.{hash_of(call, seq)[:16]}"


class Record:
    """Answers head and replay as `record` does, and lets NATS carry what a test wants it to."""

    def __init__(self, client: Client) -> None:
        self.calls: dict[str, int] = {}
        self.asked = asyncio.Event()
        self._client = client

    async def serve(self) -> None:
        """Answers queries about the room from now on."""
        await self._client.subscribe(subjects.query(APP, ROOM, "head"), cb=self._head)
        await self._client.subscribe(subjects.query(APP, ROOM, "replay"), cb=self._replay)
        await self._client.flush()

    async def publish_event(self, call: str, seq: int) -> None:
        """Publishes an event as the services do when it is committed."""
        await self._client.publish(subjects.events(APP, ROOM, "im"), json.dumps(event(call, seq)).encode())

    async def announce_head(self, call: str, seq: int) -> None:
        """Publishes the head of the call as the record does once a second."""
        head = {"app": APP, "room": ROOM, "roomUID": call, "seq": seq, "hash8": hash_of(call, seq)[:16]}
        await self._client.publish(subjects.room_head(APP, ROOM), json.dumps(head).encode())

    async def _head(self, message: Msg) -> None:
        call = max(self.calls, default="")
        await message.respond(json.dumps({"roomUID": call, "seq": self.calls[call]} if call else {}).encode())
        self.asked.set()

    async def _replay(self, message: Msg) -> None:
        asked = json.loads(message.data)
        call, after = asked["roomUID"], asked["after"]
        seq, held = self.calls[call], asked["hash8"]
        if held and held != hash_of(call, after)[:16]:
            await message.respond(json.dumps({"head": {"seq": seq}, "diverged": True}).encode())
            return
        until = min(seq, after + PAGE)
        events = [event(call, number) for number in range(after + 1, until + 1)]
        await message.respond(json.dumps({"head": {"seq": seq}, "events": events, "more": until < seq}).encode())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that lets everybody in."""
    port, folder = free_port(), tmp_path_factory.mktemp("open-nats")
    launch = Launch((str(binary()), "-a", "127.0.0.1", "-p", str(port)), {}, None, signal.SIGTERM, signal.SIGTERM)
    process = spawn(launch, folder / "log")
    yield f"nats://127.0.0.1:{port}"
    stop(process, launch)


@pytest.fixture
async def record(server: str) -> AsyncIterator[Record]:
    client = await nats.connect(server, max_reconnect_attempts=100, reconnect_time_wait=0.05)
    made = Record(client)
    await made.serve()
    yield made
    await client.close()


@asynccontextmanager
async def subscriber(server: str, held: str = "") -> AsyncIterator[Program]:
    async with program(EXAMPLE, ROOM, held, server, **TOKEN) as running:
        yield running


def printed(running: Program) -> list[str]:
    return [line.split()[0] for line in running.lines]


async def test_what_nats_loses_is_fetched_and_what_it_repeats_is_not_printed_twice(server: str, record: Record) -> None:
    record.calls[EARLIER] = 5
    async with subscriber(server) as running:
        await running.printed(position(EARLIER, 5))
        record.calls[EARLIER] = 6
        await record.publish_event(EARLIER, 6)
        await running.printed(position(EARLIER, 6))
        record.calls[EARLIER] = 8  # 7 is lost
        await record.publish_event(EARLIER, 8)
        await running.printed(position(EARLIER, 8))
        await record.publish_event(EARLIER, 7)  # and comes late
        record.calls[EARLIER] = 9  # lost, and nothing follows that would betray it but the head
        await record.announce_head(EARLIER, 9)
        await running.printed(position(EARLIER, 9))
        record.calls |= {EARLIER: 10, LATER: 1}  # the room's end is lost, and it is opened anew
        await record.publish_event(LATER, 1)
        await running.printed(position(LATER, 1))
        await record.publish_event(EARLIER, 10)
        record.calls[LATER] = 2
        await record.publish_event(LATER, 2)
        await running.printed(position(LATER, 2))
    assert printed(running) == [position(EARLIER, n) for n in range(1, 11)] + [position(LATER, n) for n in (1, 2)]


async def test_it_goes_on_from_the_position_held_through_the_room_s_lives(server: str, record: Record) -> None:
    record.calls |= {EARLIER: 4, LATER: 3}
    async with subscriber(server, position(EARLIER, 3)) as running:
        await running.printed(position(LATER, 3))
    assert printed(running) == [position(EARLIER, 4), *(position(LATER, n) for n in (1, 2, 3))]


async def test_a_room_that_was_never_opened_is_waited_for(server: str, record: Record) -> None:
    async with subscriber(server) as running:
        async with asyncio.timeout(WITHIN_S):
            await record.asked.wait()
        record.calls[EARLIER] = 1
        await record.publish_event(EARLIER, 1)
        await running.printed(position(EARLIER, 1))
    assert printed(running) == [position(EARLIER, 1)]


async def test_a_position_of_another_history_ends_it(server: str, record: Record) -> None:
    record.calls[EARLIER] = 4
    other = f"{EARLIER}.3.{'e' * 16}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, EXAMPLE, ROOM, other, server, env=TOKEN, stdout=-1, stderr=-1
    )
    async with asyncio.timeout(WITHIN_S):
        said, error = await process.communicate()
    assert process.returncode == 1
    assert b"another history" in error
    assert said == b""
