"""The record's history: events into projections with a restart in the middle, states folded and replayed, pages of a million calls.

Other work on the machine takes wall time from all of it alike, so processor time of both sides stands beside each rate.
"""

import argparse
import asyncio
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop
from rich.progress import Progress

from bench.history.log_filler import APP, fill, many_calls
from bench.history.state_folds import folded, replayed
from parlour.record.adapters.history import PLANNER, PostgresCallReader
from parlour.record.adapters.maintenance import PostgresDamagedEvents
from parlour.record.adapters.projections import PostgresGenerations, PostgresProjections
from parlour.record.app.damaged_events import DamageReport
from parlour.record.app.history.calls import CallFilter
from parlour.record.app.history.projector import EVENTS_PER_BATCH, Projector
from parlour.record.domain.projections import VERSION
from parlour.runtime.postgres import create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.benchmarks.cluster import cluster, flush_us
from parlour.testkit.benchmarks.machine import keep, percentiles

PAGES = 300


class Clock:
    """Wall time, this process's processor time and that of our connections' backends."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids

    @contextmanager
    def timing(self, into: dict[str, Any], events: int) -> Iterator[None]:
        """Adds what a block of so many events took."""
        began, ours, theirs = time.perf_counter(), time.process_time(), self._server()
        yield
        wall, ours, theirs = time.perf_counter() - began, time.process_time() - ours, self._server() - theirs
        into |= {
            "events": events, "wall_s": round(wall, 2), "events_per_s": round(events / wall),
            "python_us": round(ours / events * 1e6, 2), "server_us": round(theirs / events * 1e6, 2),
            "events_per_processor_s": round(events / (ours + theirs)),
        }  # fmt: skip

    def _server(self) -> float:
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in self._pids) / 1e9


async def pids_of(pool: Pool) -> list[int]:
    rows = await pool.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = 'parlour-bench'")
    return [row[0] for row in rows]


async def project(pool: Pool, number: int, total: int, shown: Progress) -> None:
    """Until nothing is left; half way the projector is forgotten and another one begins at the cursors."""
    damages = DamageReport(PostgresDamagedEvents(pool), lambda _, number: None)
    projector, done = Projector(PostgresProjections(pool, number), damages), 0
    task, restarted = shown.add_task("projected", total=total), False
    while moved := await projector.step():
        done += moved
        shown.advance(task, moved)
        if done > total // 2 and not restarted:
            projector, restarted = Projector(PostgresProjections(pool, number), damages), True
    assert done == total
    assert restarted


async def projecting(dsn: str, events: int) -> dict[str, Any]:
    """The log's events into one generation."""
    calls, total = await fill(dsn, events)
    result: dict[str, Any] = {"batch": EVENTS_PER_BATCH, "calls": calls}
    async with await create_pool(dsn, name="bench", min_size=1, max_size=1) as pool:
        number = await PostgresGenerations(pool).begin(VERSION)
        clock = Clock(await pids_of(pool))
        with Progress(disable=not sys.stderr.isatty()) as shown, clock.timing(result, total):
            await project(pool, number, total, shown)
        row = await pool.fetchrow(f"SELECT count(*), sum(seq), sum(broadcasts) FROM history_{number}.call")
        assert row is not None
        assert (row[0], row[1]) == (calls, total)
    return result


async def paging(dsn: str, calls: int) -> dict[str, Any]:
    """Pages of fifty, each of another place in the list."""
    async with await create_pool(dsn, name="bench", min_size=1, max_size=1, planner=PLANNER) as pool:
        generations = PostgresGenerations(pool)
        number = await generations.begin(VERSION)
        await many_calls(dsn, f"history_{number}", calls)
        await generations.activate(number)
        reads = PostgresCallReader(pool)
        result: dict[str, Any] = {"calls": calls, "page": 50}
        for name, room, actor, timed in (
            ("of the app", False, False, False), ("of a room", True, False, False), ("of a user", False, True, False),
            ("of a user in a room", True, True, False), ("of a day", False, False, True),
        ):  # fmt: skip
            samples, rows = list[float](), 0
            for _ in range(PAGES):
                wanted = _wanted(calls, room, actor, timed)
                began = time.perf_counter()
                rows += len(await reads.calls(wanted, 51))
                samples.append((time.perf_counter() - began) * 1000)
            result[name] = percentiles(samples) | {"rows": round(rows / PAGES, 1)}
    return result


def _wanted(calls: int, room: bool, actor: bool, timed: bool) -> CallFilter:
    n = secrets.randbelow(calls)
    at = 1_700_000_000_000_000 + n * 63_000_000
    before = None if timed else UUID(int=(at // 1000) << 80)
    person = str(UUID(int=secrets.randbelow(1000) + (7 << 100))) if actor else ""
    day = (at, at + 86_400_000_000) if timed else (0, 0)
    return CallFilter(APP, f"room-{n % 2000}" if room else "", person, *day, before)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=1_000_000)
    asked = parser.parse_args()
    result: dict[str, Any] = {"load_average_before": os.getloadavg(), "fdatasync_us": flush_us()}
    with cluster() as dsn:
        result["projector"] = uvloop.run(projecting(dsn, asked.events))
        result["fold"] = folded()
        result["fold where half come and go"] = folded(2)
        result["replay"] = uvloop.run(replayed(dsn))
    with cluster() as dsn:
        result["pages"] = asyncio.run(paging(dsn, asked.calls))
    for name, case in result.items():
        print(f"{name:22} {case}")
    print(keep("history", result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
