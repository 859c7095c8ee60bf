"""Eight writers of single events: our record beside UmaDB and pyeventsourcing, in the same run on the same disk.

Ours is everything that a command's commit does but NATS's way to the service: fold, decide, seal the personal text, append with version,
command id and chain, publish. UmaDB appends one event under a condition that it checks, eventsourcing saves an aggregate's next event.
The cases take turns; the median of the rounds counts. The peers are not among our own packages:

    .venv/bin/uv pip install umadb 'eventsourcing[postgres]' 'psycopg[binary]'
"""
# pyright: basic, reportMissingImports=false
# The peers are installed for this benchmark alone.

import argparse
import asyncio
import importlib.metadata
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

import uvloop

from bench.command.run import servers
from bench.command.service import BenchSettings, Handlers
from parlour.cli.embedded.launch import free_port
from parlour.contracts.commands import Caller, Request, SetRoomExtraInfo
from parlour.runtime.messaging.address import Address
from parlour.runtime.process.connections import open_connections
from parlour.runtime.settings import load
from parlour.testkit.benchmarks.cluster import flush_us
from parlour.testkit.benchmarks.machine import keep, percentiles

WRITERS = 8
ROOMS = 100
BODY = b"x" * 300
"""About what one of our envelopes weighs."""
PEERS = ("umadb", "eventsourcing", "psycopg")

Write = Callable[[], None]
Samples = list[float]


def threads(make: Callable[[int], Write], seconds: float) -> tuple[float, Samples]:
    """Calls per second and milliseconds of each, by one thread for each writer."""
    samples: list[Samples] = [[] for _ in range(WRITERS)]
    writes = [make(number) for number in range(WRITERS)]
    end = time.perf_counter() + seconds

    def go(number: int) -> None:
        write, mine = writes[number], samples[number]
        while (began := time.perf_counter()) < end:
            write()
            mine.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    running = [threading.Thread(target=go, args=(number,)) for number in range(WRITERS)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    every = [ms for mine in samples for ms in mine]
    return len(every) / (time.perf_counter() - began), every


async def tasks(write: Callable[[], Awaitable[None]], seconds: float) -> tuple[float, Samples]:
    """The same by one task for each writer."""
    samples: Samples = []
    end = time.perf_counter() + seconds

    async def go() -> None:
        while (began := time.perf_counter()) < end:
            await write()
            samples.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(go() for _ in range(WRITERS)))
    return len(samples) / (time.perf_counter() - began), samples


@contextmanager
def umadb_server(folder: Path) -> Iterator[str]:
    """UmaDB on a free port with its data in the folder, fsync as it comes."""
    port = free_port()
    program = shutil.which("umadb", path=str(Path(sys.executable).parent)) or "umadb"
    command = [program, "--listen", f"127.0.0.1:{port}", "--db-path", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def umadb_writer(url: str) -> Callable[[int], Write]:
    """Each writer has a connection and a stream of its own; the condition is that nobody wrote there since its last event."""
    import umadb

    def make(number: int) -> Write:
        client, tag, last = umadb.Client(url), f"room-{number}-{uuid4()}", [0]

        def write() -> None:
            event = umadb.Event(event_type="room.extra_info_changed.v1", data=BODY, tags=[tag], uuid=uuid4())
            nobody = umadb.Query(items=[umadb.QueryItem(tags=[tag])])
            last[0] = client.append([event], condition=umadb.AppendCondition(nobody, after=last[0] or None))

        return write

    return make


def eventsourcing_writer(dsn: str) -> Callable[[int], Write]:
    """Each writer has an aggregate of its own in one application on the same Postgres."""
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event

    class Room(Aggregate):
        @event("ExtraChanged")
        def change(self, value: str) -> None:
            self.value = value

    class Rooms(Application):
        env: ClassVar[dict[str, str]] = postgres_environment(dsn)

    rooms, value = Rooms(), BODY.decode()

    def make(_: int) -> Write:
        room = Room()

        def write() -> None:
            room.change(value)
            rooms.save(room)

        return write

    return make


def postgres_environment(dsn: str) -> dict[str, str]:
    """The server, as eventsourcing is told of it."""
    parts = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": str(parts.hostname), "POSTGRES_PORT": str(parts.port), "POSTGRES_USER": str(parts.username),
        "POSTGRES_PASSWORD": str(parts.password), "POSTGRES_POOL_SIZE": str(WRITERS), "POSTGRES_MAX_OVERFLOW": "0",
    }  # fmt: skip


def our_writer(handlers: Handlers) -> Callable[[], Awaitable[None]]:
    """Rooms in turn, a new value each time."""
    sent = [0]

    async def write() -> None:
        sent[0] += 1
        body = SetRoomExtraInfo("session", "key", f"{sent[0]:<250}")
        at = Address("", app=1, room=f"room-{sent[0] % ROOMS}", verb="set")
        await handlers.set(at, Request(str(uuid4()), Caller("bench", "session"), body), {})

    return write


async def measure(dsn: str, nats: str, umadb_url: str, rounds: int, seconds: float) -> dict[str, Any]:
    """The three in turn."""
    environment = {"PARLOUR_POSTGRES_DSN": dsn, "PARLOUR_NATS_URL": nats, "PARLOUR_MASTER_KEY": "00" * 32}
    taken: dict[str, list[float]] = {}
    spent: dict[str, Samples] = {}
    async with open_connections(load(BenchSettings, environment), "registry") as conns:
        ours = our_writer(Handlers(conns))
        for _ in range(ROOMS):
            await ours()
        umadb, eventsourcing = umadb_writer(umadb_url), eventsourcing_writer(dsn)
        cases: dict[str, Callable[[], Awaitable[tuple[float, Samples]]]] = {
            "parlour": lambda: tasks(ours, seconds),
            "umadb": lambda: asyncio.to_thread(threads, umadb, seconds),
            "eventsourcing": lambda: asyncio.to_thread(threads, eventsourcing, seconds),
        }
        for _ in range(rounds):
            for name, case in cases.items():
                rate, samples = await case()
                taken.setdefault(name, []).append(rate)
                spent.setdefault(name, []).extend(samples)
    median = {name: statistics.median(rates) for name, rates in taken.items()}
    return {
        name: {
            "appends_per_s": round(median[name]), "ours_to_it": round(median["parlour"] / median[name], 2),
            "rounds": [round(rate) for rate in taken[name]], "append_ms": percentiles(spent[name]),
        }
        for name in taken
    }  # fmt: skip


def missing() -> list[str]:
    """Peers that are not installed."""
    found = {distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()}
    return [name for name in PEERS if name not in found]


def main() -> int:
    """Measures, prints, keeps."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4.0)
    chosen = options.parse_args()
    if lacking := missing():
        print(f"not installed: {', '.join(lacking)}; see the head of {Path(__file__).name}")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="parlour-bench-"))
    folder.chmod(0o711)
    facts = {"writers": WRITERS, "fdatasync_us": flush_us(), "load_average_before": os.getloadavg()[0], "fsync": "on"}
    try:
        with servers(folder) as (postgres, nats), umadb_server(folder / "umadb") as url:
            dsn = postgres.address(database="postgres")
            result = uvloop.run(measure(dsn, nats.address("test"), url, chosen.rounds, chosen.seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    versions = {name: importlib.metadata.version(name) for name in PEERS}
    print(json.dumps(result, indent=2))
    print(keep("log_peers", {**facts, "versions": versions, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
