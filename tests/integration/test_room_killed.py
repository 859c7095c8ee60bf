"""kill -9 of the room service with a hundred logins in flight: nothing acknowledged is missing, nothing is applied twice."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec

from parlour.contracts.commands import Caller, Joined, JoinRoom, Request
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load

APP = 44
IN_FLIGHT = 100
LOGINS = 500
KILL_AFTER = 120
WITHIN_S = 30.0


class Process:
    """`python -m parlour.room`, as the supervisor runs it."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._ready = folder / f"ready-{uuid4()}"
        self._environment = environment | {"PARLOUR_READY_FILE": str(self._ready), "PATH": os.environ["PATH"]}
        self.child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "parlour.room", env=self._environment, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(WITHIN_S):
            while not self._ready.exists():
                assert self.child.returncode is None, "the service did not start"
                await asyncio.sleep(0.02)

    def send(self, number: int) -> None:
        assert self.child is not None
        self.child.send_signal(number)

    async def ended(self) -> int:
        assert self.child is not None
        return await self.child.wait()


@asynccontextmanager
async def running(environment: dict[str, str], folder: Path) -> AsyncGenerator[Process]:
    process = Process(environment, folder)
    await process.start()
    try:
        yield process
    finally:
        if process.child is not None and process.child.returncode is None:
            process.send(signal.SIGKILL)
            await process.ended()


class Acknowledged:
    """Who was told that they are in; kills the service in the middle."""

    def __init__(self, process: Process) -> None:
        self.who: set[int] = set()
        self._process = process
        self.enough = asyncio.Event()
        self.slots = asyncio.Semaphore(IN_FLIGHT)

    def add(self, n: int) -> None:
        self.who.add(n)
        if len(self.who) == KILL_AFTER:
            self._process.send(signal.SIGKILL)
            self.enough.set()


async def _login(bus: Bus, room: str, n: int, acknowledged: Acknowledged) -> Joined:
    request = Request(str(uuid4()), Caller(f"u{n}"), JoinRoom(f"s-{n}", f"u{n}"))
    async with acknowledged.slots:
        reply = await bus.ask(APP, "room", room, "join", request, timeout=WITHIN_S)
        acknowledged.add(n)
    return msgspec.json.decode(reply.result, type=Joined)


async def test_killed_with_a_hundred_logins_in_flight(
    environment: Callable[[str], dict[str, str]], postgres: str, tmp_path: Path
) -> None:
    bus = await Bus.connect(load(BusSettings, environment("test")), "test")
    async with bus, running(environment("room"), tmp_path) as first:
        acknowledged = Acknowledged(first)
        logins = [asyncio.create_task(_login(bus, "storm", n, acknowledged)) for n in range(LOGINS)]
        async with asyncio.timeout(WITHIN_S):
            await acknowledged.enough.wait()
        assert await first.ended() == -signal.SIGKILL
        before = set(acknowledged.who)
        assert len(before) <= LOGINS - IN_FLIGHT, "a hundred were in flight"
        async with running(environment("room"), tmp_path) as second:
            joined = await asyncio.gather(*logins)
            assert len({one.room_uid for one in joined}) == 1
            connection = await asyncpg.connect(postgres)
            try:
                rows = await connection.fetch(
                    "SELECT e.seq, e.type, convert_from(e.env, 'UTF8')::jsonb -> 'data' ->> 'sessionID' AS session "
                    "FROM parlour.event e JOIN parlour.log l ON l.uid = e.room_uid WHERE l.app = $1 ORDER BY e.seq",
                    APP,
                )
            finally:
                await connection.close()
            sessions = [row["session"] for row in rows if row["type"] == "room.user_joined.v1"]
            assert [row["seq"] for row in rows] == list(range(1, LOGINS + 2)), "no gap, nothing twice"
            assert sorted(sessions) == sorted(f"s-{n}" for n in range(LOGINS))
            assert {f"s-{n}" for n in before} <= set(sessions), "nothing acknowledged is missing"
            second.send(signal.SIGTERM)
            assert await second.ended() == 0, "it leaves in good order"
