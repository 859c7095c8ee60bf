"""Units per second into the event log, and its latency, beside a plain insert with commit on the same server.

Cases alternate in rounds, so that a busy machine slows all alike; the median of the rounds counts. `--slow-flush` adds the same with
commits that take 4 ms, as on storage across a network.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import uvloop

from parlour.kernel.log import AppendUnit, Claim, Committed, LogKey, NewEvent
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.benchmarks.cluster import cluster, flush_us
from parlour.testkit.benchmarks.machine import keep, percentiles
from parlour.testkit.units import APP, append, new_log, unit

ROOMS = 100
ROUNDS = 3
CASE_S = 1.5
TEXT = "x" * 40
INSERT = "INSERT INTO bench_plain (id, env) VALUES ($1, $2)"
SLOW_FLUSH = "SELECT set_config('commit_delay', '4000', false), set_config('commit_siblings', '0', false)"

Call = Callable[[], Awaitable[int]]
"""Does one call to the database and gives the units in it."""


class Load:
    """What a writer does: rooms in turn, one message a unit, its sender's session required."""

    def __init__(self, rooms: list[LogKey]) -> None:
        self._rooms = rooms
        self._next = 0

    def units(self, count: int) -> tuple[AppendUnit[NewEvent], ...]:
        return tuple(self._unit() for _ in range(count))

    def _unit(self) -> AppendUnit[NewEvent]:
        self._next += 1
        room = self._rooms[self._next % len(self._rooms)]
        live = Claim("require", "session", APP, room.room, "s")
        return unit(append(room, aggregate="im", body=TEXT), claims=(live,), digest=b"d" * 32)


async def rooms(log: PostgresLog) -> list[LogKey]:
    """Open rooms, each with a session to require."""
    keys = [new_log() for _ in range(ROOMS)]
    opened = await log.append(
        tuple(unit(append(k, creates=True), claims=(Claim("take", "session", APP, k.room, "s"),)) for k in keys)
    )
    assert all(isinstance(outcome, Committed) for outcome in opened)
    return keys


def appending(log: PostgresLog, load: Load, count: int) -> Call:
    async def call() -> int:
        outcomes = await log.append(load.units(count))
        assert all(isinstance(outcome, Committed) for outcome in outcomes)
        return count

    return call


def inserting(pool: Pool, body: bytes) -> Call:
    async def call() -> int:
        await pool.execute(INSERT, uuid4(), body)
        return 1

    return call


class Round(NamedTuple):
    """One measurement. `server_us` is processor time of the server's side of our connections for a unit: other work does not touch it."""

    units_per_s: float
    server_us: float
    call_ms: list[float]


def server_s(pids: list[int]) -> float:
    """Processor seconds of these backends so far."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


async def measure(call: Call, writers: int, pids: list[int]) -> Round:
    """As many calls as fit into the time."""
    samples: list[float] = []
    done = 0
    end = time.perf_counter() + CASE_S

    async def write() -> None:
        nonlocal done
        while (began := time.perf_counter()) < end:
            units = await call()
            done += units
            samples.append((time.perf_counter() - began) * 1000)

    began, before = time.perf_counter(), server_s(pids)
    await asyncio.gather(*(write() for _ in range(writers)))
    return Round(done / (time.perf_counter() - began), (server_s(pids) - before) / done * 1e6, samples)


async def run(dsn: str, slow: bool) -> dict[str, Any]:
    """All cases on one server."""
    async with await create_pool(dsn, name="bench", min_size=8, max_size=8) as pool:
        await prepare(pool, slow)
        log = PostgresLog(pool)
        load = Load(await rooms(log))
        body = load.units(1)[0].appends[0].events[0].env
        cases = {
            "plain insert, 1 writer": (inserting(pool, body), 1),
            "plain insert, 8 writers": (inserting(pool, body), 8),
        }
        for count in (1, 10, 100, 256):
            for writers in (1, 2, 8):
                cases[f"append of {count}, {writers} writer{'s' * (writers > 1)}"] = (
                    appending(log, load, count),
                    writers,
                )
        pids = [
            row[0]
            for row in await pool.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = 'parlour-bench'")
        ]
        taken: dict[str, list[Round]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, (call, writers) in cases.items():
                taken[name].append(await measure(call, writers, pids))
        return {name: told(rounds) for name, rounds in taken.items()}


async def prepare(pool: Pool, slow: bool) -> None:
    """Settings stay with a connection, so each gets them."""
    await pool.execute("CREATE TABLE IF NOT EXISTS bench_plain (id uuid PRIMARY KEY, env bytea)")
    if slow:
        held: list[Any] = [await pool.acquire() for _ in range(pool.get_size())]
        for connection in held:
            await connection.execute(SLOW_FLUSH)
            await pool.release(connection)


def told(rounds: list[Round]) -> dict[str, Any]:
    """The median of the rounds."""
    return {
        "units_per_s": round(statistics.median(one.units_per_s for one in rounds)),
        "server_us": round(statistics.median(one.server_us for one in rounds), 1),
        "call_ms": percentiles([ms for one in rounds for ms in one.call_ms]),
    }


def show(title: str, cases: dict[str, Any]) -> None:
    print(title)
    for name, case in cases.items():
        call = case["call_ms"]
        rate = f"{case['units_per_s']:8,} units/s   {case['server_us']:7.1f} us server time a unit"
        print(f"  {name:26} {rate}   p50 {call['p50']:7.2f}  p99 {call['p99']:7.2f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--slow-flush", action="store_true", help="also with commits of 4 ms")
    asked = parser.parse_args()
    result: dict[str, Any] = {
        "load_average_before": os.getloadavg(),
        "fdatasync_us": flush_us(),
        "asyncpg": asyncpg.__version__,
    }
    for name, slow in (("flush as it is", False), ("flush of 4 ms", True))[: 1 + asked.slow_flush]:
        with cluster() as dsn:
            result[name] = uvloop.run(run(dsn, slow))
        show(name, result[name])
    print(keep("log_append", result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
