"""Postgres is killed under load and comes back: nothing acknowledged is missing, nothing is in twice, and work goes on."""

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from uuid import UUID, uuid4

import pytest

from parlour.cli.embedded.account import unprivileged
from parlour.cli.embedded.launch import free_port
from parlour.cli.embedded.nats import NatsServer
from parlour.cli.embedded.postgres import Postgres
from parlour.cli.supervise.checkout import MIGRATIONS
from parlour.contracts import events as ev
from parlour.kernel.decider import Aggregate
from parlour.kernel.log import Append, AppendUnit, LogKey, LogUnavailable
from parlour.runtime.clock import SystemIds
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.runtime.postgres.migrate import upgrade
from parlour.runtime.settings import BusSettings
from parlour.testkit.embedded import spawn, stop

APP = 7
WITHIN_S = 60.0
FAILS_WITHIN_S = 5.5
Keys = tuple[str, ...]


class Cluster:
    """A Postgres of this test's own."""

    def __init__(self, folder: Path) -> None:
        self.server = Postgres(
            folder / "postgres", port=free_port(), password=secrets.token_hex(16), account=unprivileged()
        )
        self.server.prepare()
        self._log = folder / "postgres.log"
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        self._process = spawn(self.server.launch(), self._log)
        end = time.monotonic() + WITHIN_S
        while not self.server.ready():
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            stop(self._process, self.server.launch())


@pytest.fixture
def cluster(server_folder: Path) -> Iterator[Cluster]:
    folder = server_folder / secrets.token_hex(4)
    folder.mkdir(mode=0o711)
    own = Cluster(folder)
    try:
        own.start()
        upgrade(own.server.address(database="postgres"), MIGRATIONS)
        yield own
    finally:
        own.stop()


def evolve(state: Keys, event: ev.Event) -> Keys:
    return (*state, event.key) if isinstance(event, ev.RoomExtraInfoChanged) else state


def decide(context: CommandContext, room: RoomSnapshot[Keys], key: str, actor: str) -> AppendUnit:
    changed = ev.RoomExtraInfoChanged(actor, key, "value")
    if room.key is not None:
        return context.make_unit(Append(room.key, "room", room.version, (changed,)))
    log = LogKey(APP, room.room, UUID(SystemIds().uuid7()))
    return context.make_unit(Append(log, "room", 0, (ev.RoomOpened(APP, room.room), changed), creates=True))


async def test_what_was_acknowledged_is_there_once_after_a_kill(cluster: Cluster, nats_server: NatsServer) -> None:
    pool = await create_pool(cluster.server.address(database="postgres"), name="test")
    log, people = PostgresLog(pool), PostgresUserKeyStore(pool, bytes(32))
    settings = BusSettings(nats_url=nats_server.address("test"))
    acknowledged: set[str] = set()
    slowest = 0.0
    stopping = asyncio.Event()
    progress = asyncio.Condition()

    async with await Bus.connect(settings, "test") as bus, Committer(log, people, bus) as committer:
        keys: Aggregate[Keys] = Aggregate("room", (), evolve)
        cache = StateCache(log, people, committer, keys)
        actor = await people.actor(APP, "ada")

        async def client(number: int) -> None:
            """Repeats a command under its id until it is acknowledged, then goes on to the next."""
            nonlocal slowest
            for turn in range(10_000):
                key = f"{number}.{turn}"
                context = CommandContext(APP, f"room-{number % 3}", str(uuid4()), "client:ada", b"d" * 32)
                while not stopping.is_set():
                    began = time.monotonic()
                    with contextlib.suppress(LogUnavailable):
                        await cache.decide_and_commit(context, lambda room, k=key, c=context: decide(c, room, k, actor))
                        acknowledged.add(key)
                        async with progress:
                            progress.notify_all()
                        break
                    slowest = max(slowest, time.monotonic() - began)
                if stopping.is_set():
                    return

        async def until(count: int) -> None:
            async with asyncio.timeout(WITHIN_S), progress:
                await progress.wait_for(lambda: len(acknowledged) >= count)

        clients = [asyncio.create_task(client(number)) for number in range(20)]
        await until(200)
        cluster.kill()
        await asyncio.to_thread(cluster.start)
        await until(len(acknowledged) + 200)
        stopping.set()
        await asyncio.gather(*clients)

        found: list[str] = []
        for number in range(3):
            found += (await cache.load(APP, f"room-{number}", fresh=True)).state
            again = StateCache(log, people, committer, keys)
            assert (await again.load(APP, f"room-{number}")).state == (await cache.load(APP, f"room-{number}")).state
    await pool.close()
    assert len(found) == len(set(found)), "something is in twice"
    assert acknowledged <= set(found), "something acknowledged is missing"
    assert slowest < FAILS_WITHIN_S
