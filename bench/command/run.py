"""Command → committed → reply over NATS: latency of one in flight beside its floor, and commands per second at 256 in flight.

The last also with commits that take 4 ms, as on storage across a network; its rounds alternate with the others.
"""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from bench.command.service import NAME, RAW
from parlour.cli.embedded.account import unprivileged
from parlour.cli.embedded.launch import free_port
from parlour.cli.embedded.nats import NatsServer
from parlour.cli.embedded.permissions import grants
from parlour.cli.embedded.postgres import Postgres
from parlour.cli.supervise.checkout import MIGRATIONS
from parlour.contracts.commands import Caller, Request, SetRoomExtraInfo
from parlour.runtime.clock import SystemIds
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres.migrate import upgrade
from parlour.runtime.settings import BusSettings
from parlour.testkit.benchmarks.machine import keep, percentiles
from parlour.testkit.embedded import spawn, stop
from parlour.testkit.waiting import wait_until

APP = 1
ROOMS = 100
ONE_ROW = "INSERT INTO bench_floor (id, body) VALUES ($1, $2)"
GOAL_RATIO = 3.0
GOAL_PER_S = 5000
FLUSHES_US = {"256_in_flight": 0, "256_in_flight_flush_of_4_ms": 4000}


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Postgres, NatsServer]]:
    """Postgres with the schema, and NATS, from their wheels."""
    postgres = Postgres(folder / "postgres", port=free_port(), password=secrets.token_hex(16), account=unprivileged())
    users = {user: (secrets.token_hex(16), grant) for user, grant in grants().items()}
    nats = NatsServer(folder / "nats", port=free_port(), users=users)
    started: list[tuple[Any, Any]] = []
    try:
        for server in (postgres, nats):
            server.prepare()
            started.append((spawn(server.launch(), folder / f"{type(server).__name__}.log"), server.launch()))
            wait_until(server.ready, f"{type(server).__name__} is ready")
        upgrade(postgres.address(database="postgres"), MIGRATIONS)
        yield postgres, nats
    finally:
        for process, launch in reversed(started):
            stop(process, launch)


@contextmanager
def service(folder: Path, dsn: str, nats_url: str, profile: str) -> Iterator[int]:
    """The measured process; gives its pid."""
    ready = folder / "ready.json"
    environment = {
        **os.environ, "PARLOUR_POSTGRES_DSN": dsn, "PARLOUR_NATS_URL": nats_url, "PARLOUR_MASTER_KEY": "00" * 32,
        "PARLOUR_READY_FILE": str(ready), "PARLOUR_LOG_LEVEL": "warning",
    }  # fmt: skip
    script = [str(Path(__file__).parent / "service.py")]
    command = [sys.executable, *(["-m", "cProfile", "-o", profile] if profile else []), *script]
    process = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2])
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None, "the service is ready")
        assert process.poll() is None, "the service ended"
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def timed(call: Callable[[], Awaitable[Any]], count: int) -> list[float]:
    """Milliseconds of each of `count` calls, one after the other."""
    samples: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        await call()
        samples.append((time.perf_counter() - began) * 1000)
    return samples


class Driver:
    """Sends the commands and measures the floors."""

    def __init__(self, bus: Bus, plain: asyncpg.Connection) -> None:
        self._bus = bus
        self._plain = plain
        self._ids = SystemIds()
        self._sent = 0

    async def command(self) -> None:
        """One command to one of the rooms in turn."""
        self._sent += 1
        body = SetRoomExtraInfo("session", "key", f"value {self._sent}")
        request = Request(self._ids.uuid7(), Caller("bench", "session"), body)
        await self._bus.ask(APP, NAME, f"room-{self._sent % ROOMS}", "set", request, timeout=30)

    async def round_trip(self) -> None:
        """nats-py's own request to nats-py's own subscription in the other process, with a command's size."""
        await self._bus.client.request(RAW, b"x" * 250, timeout=5)

    async def one_commit(self) -> None:
        """A row of an event's size, by its primary key."""
        self._sent += 1
        await self._plain.execute(ONE_ROW, self._sent, b"x" * 300)

    async def latency(self, rounds: int, each: int) -> dict[str, Any]:
        """The three in turn, so that what else the machine does meets them alike."""
        taken: dict[str, list[float]] = {"command": [], "nats_round_trip": [], "postgres_commit": []}
        calls = {"command": self.command, "nats_round_trip": self.round_trip, "postgres_commit": self.one_commit}
        for call in calls.values():
            await timed(call, 200)
        for _ in range(rounds):
            for name, call in calls.items():
                taken[name] += await timed(call, each)
        result: dict[str, Any] = {f"{name}_ms": percentiles(samples) for name, samples in taken.items()}
        floor = result["nats_round_trip_ms"]["p50"] + result["postgres_commit_ms"]["p50"]
        ratio = round(result["command_ms"]["p50"] / floor, 2)
        return {**result, "floor_ms": round(floor, 3), "ratio_to_floor": ratio, "goal_ratio": GOAL_RATIO}

    async def throughput(self, in_flight: int, seconds: float) -> dict[str, Any]:
        """Commands per second and their latency with so many in flight."""
        samples: list[float] = []
        end = time.perf_counter() + seconds

        async def client() -> None:
            while time.perf_counter() < end:
                samples.extend(await timed(self.command, 1))

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(in_flight)))
        return {"per_s": round(len(samples) / (time.perf_counter() - began)), "reply_ms": percentiles(samples)}


async def watched(driver: Driver, pid: int, in_flight: int, seconds: float) -> dict[str, Any]:
    """One run, with the service's CPU for each command."""
    before = cpu_s(pid)
    run = await driver.throughput(in_flight, seconds)
    return {**run, "service_cpu_us": round((cpu_s(pid) - before) * 1e6 / run["reply_ms"]["n"])}


def told(runs: list[dict[str, Any]], goal: int | None) -> dict[str, Any]:
    """The median of the runs, and all of them."""
    return {"per_s": statistics.median(run["per_s"] for run in runs), "goal_per_s": goal, "runs": runs}


async def flush_within(plain: asyncpg.Connection, delay_us: int) -> None:
    """From now on every commit of the server waits so long before it flushes, whoever else commits."""
    await plain.execute(f"ALTER SYSTEM SET commit_delay = {delay_us}")
    await plain.execute("ALTER SYSTEM SET commit_siblings = 0")
    await plain.fetchval("SELECT pg_reload_conf()")
    await plain.execute("SELECT 1")


async def measure(postgres: Postgres, nats: NatsServer, pid: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Everything, in one run."""
    load = round(os.getloadavg()[0], 2)
    plain = await asyncpg.connect(postgres.address(database="postgres"))
    await plain.execute("CREATE TABLE bench_floor (id bigint PRIMARY KEY, body bytea)")
    async with await Bus.connect(BusSettings(nats_url=nats.address("test")), "bench") as bus:
        driver = Driver(bus, plain)
        for _ in range(ROOMS):
            await driver.command()
        result: dict[str, Any] = {"one_in_flight": await driver.latency(rounds, 500)}
        for in_flight in (16, 64):
            runs = [await watched(driver, pid, in_flight, seconds) for _ in range(rounds)]
            result[f"{in_flight}_in_flight"] = told(runs, None)
        most: dict[str, list[dict[str, Any]]] = {name: [] for name in FLUSHES_US}
        for _ in range(rounds):
            for name, delay_us in FLUSHES_US.items():
                await flush_within(plain, delay_us)
                commits = await timed(driver.one_commit, 30)
                run = await watched(driver, pid, 256, seconds)
                most[name].append({**run, "one_commit_ms": round(statistics.median(commits), 3)})
        result |= {name: told(runs, None if FLUSHES_US[name] else GOAL_PER_S) for name, runs in most.items()}
    checked = await plain.fetchval("SELECT count(*) FROM parlour.event")
    await plain.close()
    return {**result, "events_in_the_log": checked, "everything_on": f"{os.cpu_count()} cores", "load_before": load}


def main() -> int:
    """Measures, prints, and keeps the result."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--profile", default="", help="cProfile output of the service")
    options.add_argument("--keep", action="store_true", help="write bench/results/command.json")
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parlour-bench-"))
    folder.chmod(0o711)
    try:
        with servers(folder) as (postgres, nats):
            dsn = postgres.address(database="postgres")
            with service(folder, dsn, nats.address("test"), chosen.profile) as pid:
                result = uvloop.run(measure(postgres, nats, pid, chosen.rounds, chosen.seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result, indent=2))
    if chosen.keep:
        print(keep("command", result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
