"""How many events a reader loses that follows a serial number, and how many one of our shards' positions: same writers, same load.

The naive feed is the one in most tutorials: `id bigserial`, and a reader that asks for `id > last`. Numbers are given out before
commits, so the reader passes 102 while 101 is still in its transaction. A slow transaction or two are enough.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvloop

from parlour.kernel.log import LogKey
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.append_call import append_call
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.benchmarks.cluster import cluster
from parlour.testkit.benchmarks.machine import keep
from parlour.testkit.units import append, new_log, unit

WRITERS = 8
SECONDS = 4.0
POLL_S = 0.001
ROLLBACKS = 0.05
SLOW = 0.1
ROOMS = 64
TABLE = "CREATE TABLE feed (id bigserial PRIMARY KEY, command uuid NOT NULL, at timestamptz NOT NULL DEFAULT now())"


class RolledBack(Exception):
    """Meant."""


Write = Callable[[Any, UUID, random.Random], Awaitable[None]]


async def writer(pool: Pool, write: Write, number: int, committed: set[UUID], end: float) -> None:
    """Writes one event a transaction; one in ten takes up to 20 ms, one in twenty is rolled back."""
    chance = random.Random(number)
    while time.monotonic() < end:
        command = uuid4()
        try:
            async with pool.acquire() as connection, connection.transaction():
                await write(connection, command, chance)
                if chance.random() < SLOW:
                    await asyncio.sleep(chance.uniform(0, 0.02))
                if chance.random() < ROLLBACKS:
                    raise RolledBack
        except RolledBack:
            continue
        committed.add(command)


async def naive(pool: Pool) -> dict[str, Any]:
    """A serial, and `id > last`."""
    await pool.execute(TABLE)
    seen: set[UUID] = set()
    last = 0

    async def write(connection: Any, command: UUID, chance: random.Random) -> None:
        await connection.execute("INSERT INTO feed (command) VALUES ($1)", command)

    async def look() -> bool:
        nonlocal last
        rows = await pool.fetch("SELECT id, command FROM feed WHERE id > $1 ORDER BY id LIMIT 1000", last)
        seen.update(row["command"] for row in rows)
        last = rows[-1]["id"] if rows else last
        return bool(rows)

    return await play(pool, write, look, seen)


async def ours(pool: Pool) -> dict[str, Any]:
    """The event log, and a position in each shard."""
    log = PostgresLog(pool)
    rooms: list[LogKey] = [new_log() for _ in range(ROOMS)]
    await log.append(tuple(unit(append(room, creates=True)) for room in rooms))
    at = await log.shard_heads()
    seen: set[UUID] = set()

    async def write(connection: Any, command: UUID, chance: random.Random) -> None:
        one = unit(append(chance.choice(rooms), aggregate="im", body=str(command)), command_id=command)
        call = append_call((one,))
        await connection.fetchrow(call.statement, *call.arguments)

    async def look() -> bool:
        found = False
        for p, head in (await log.shard_heads()).items():
            if head > at.get(p, 0):
                records = await log.read_shard(p, at.get(p, 0), 1000)
                seen.update(UUID(record.env[-40:].decode().split('"')[1]) for record in records)
                at[p] = records[-1].pos
                found = True
        return found

    return await play(pool, write, look, seen)


async def play(pool: Pool, write: Write, look: Callable[[], Awaitable[bool]], seen: set[UUID]) -> dict[str, Any]:
    """Writers and one reader; the reader looks on until there is nothing more."""
    committed: set[UUID] = set()
    end = time.monotonic() + SECONDS
    writers = asyncio.gather(*(writer(pool, write, i, committed, end) for i in range(WRITERS)))
    while not writers.done():
        await look()
        await asyncio.sleep(POLL_S)
    await writers
    while await look():
        pass
    skipped = len(committed - seen)
    return {
        "committed": len(committed),
        "skipped": skipped,
        "skipped_percent": round(100 * skipped / len(committed), 2),
    }


async def both(dsn: str) -> dict[str, Any]:
    async with await create_pool(dsn, name="bench", max_size=WRITERS + 2) as pool:
        return {"naive serial": await naive(pool), "shard positions": await ours(pool), "asyncpg": asyncpg.__version__}


def main() -> int:
    with cluster() as dsn:
        result = uvloop.run(both(dsn))
    for name in ("naive serial", "shard positions"):
        told = result[name]
        print(f"{name:16} committed {told['committed']:7,}, skipped {told['skipped']:6,} ({told['skipped_percent']} %)")
    print(keep("log_naive_reader", result))
    return 0 if result["shard positions"]["skipped"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
