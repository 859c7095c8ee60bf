"""Eight writers on one log, with slow transactions, conflicts, rollbacks, cut connections and killed processes.

Whatever happens: no reader skips an event, no deadlock, no unit half applied, nothing acknowledged missing, and every chain verifies.
"""

import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import msgspec
import pytest

from parlour.contracts.envelope import decode_envelope
from parlour.kernel.log import LogKey, Record
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.append_call import append_call
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.units import APP, append, new_log, unit
from parlour.testkit.waiting import eventually

WRITERS = "parlour.testkit.harness.log_storm"
PROCESSES = 4
ROUNDS = 12
ROUND_S = 0.5
SEED = 20261121


class Body(msgspec.Struct):
    body: str


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[Pool]:
    async with await create_pool(postgres, name="judge", max_size=6) as made:
        yield made


class Storm:
    """The writing processes; each writes what was acknowledged to a file of its own."""

    def __init__(self, dsn: str, rooms: list[LogKey], folder: Path) -> None:
        self.arguments = (dsn, msgspec.json.encode(rooms).decode())
        self.folder = folder
        self.running: list[asyncio.subprocess.Process] = []
        self.started = 0

    async def start(self) -> None:
        self.started += 1
        dsn, rooms = self.arguments
        with (
            (self.folder / f"{self.started}.told").open("wb") as told,
            (self.folder / f"{self.started}.died").open("wb") as died,
        ):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", WRITERS, dsn, str(self.started), rooms, stdout=told, stderr=died
            )
        self.running.append(process)

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        assert process.returncode is None, self.died()
        process.kill()
        await process.wait()
        self.running.remove(process)

    def died(self) -> str:
        """What writers said that ended by themselves: there should be none."""
        return "".join(path.read_text() for path in self.folder.glob("*.died"))

    def told(self) -> list[list[str]]:
        """Whole lines only: a killed process may leave half of one."""
        texts = [path.read_text() for path in self.folder.glob("*.told")]
        return [line.split(" ") for text in texts for line in text[: text.rfind("\n") + 1].splitlines()]


class Reader:
    """Follows all shards by position, as every consumer of the log does."""

    def __init__(self, log: PostgresLog) -> None:
        self.log = log
        self.records: dict[int, list[Record]] = {}

    async def look(self) -> None:
        for p, head in (await self.log.shard_heads()).items():
            seen = self.records.setdefault(p, [])
            while len(seen) < head:
                page = await self.log.read_shard(p, len(seen), 200)
                assert [record.pos for record in page] == list(range(len(seen) + 1, len(seen) + 1 + len(page))), (
                    "a position was skipped"
                )
                assert page, "a head was told before its events could be read"
                seen.extend(page)

    async def follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(0.005)


async def trouble(storm: Storm, pool: Pool) -> None:
    """Each round: a connection cut on the server's side; every other round a process killed and a new one started."""
    chance = random.Random(SEED)
    for number in range(ROUNDS):
        await asyncio.sleep(ROUND_S)
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'parlour-storm' "
            "AND datname = current_database() ORDER BY random() LIMIT 2) victims"
        )
        if number % 2:
            await storm.kill(chance.choice(storm.running))
            await storm.start()


async def test_a_storm_of_writers(postgres: str, pool: Pool) -> None:
    log = PostgresLog(pool)
    rooms = [new_log() for _ in range(6)]
    await log.append(tuple(unit(append(room, creates=True)) for room in rooms))
    readers = [Reader(log), Reader(log)]
    with tempfile.TemporaryDirectory() as folder:
        storm = Storm(postgres, rooms, Path(folder))
        for _ in range(PROCESSES):
            await storm.start()
        following = [asyncio.create_task(reader.follow()) for reader in readers]
        await trouble(storm, pool)
        for process in tuple(storm.running):
            await storm.kill(process)
        assert not storm.died(), storm.died()
        told = storm.told()
        for task in following:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    await no_writer_left(pool)
    for reader in readers:
        await reader.look()
    judge_told(told)
    everything = [record for shard in readers[0].records.values() for record in shard]
    assert everything == [record for shard in readers[1].records.values() for record in shard]
    judge_units(everything, told)
    for room in rooms:
        await judge_room(log, pool, room, everything)


async def no_writer_left(pool: Pool) -> None:
    """A killed client's backend may still be finishing what it was told."""
    gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'parlour-storm' AND datname = current_database()"
    await eventually(lambda: pool.fetchval(gone), "no backend of a writer is left", poll_s=0.05)


def judge_told(told: list[list[str]]) -> None:
    """The storm was one: each kind of trouble came up, and no deadlock."""
    kinds = Counter(line[0] if len(line[0]) < 36 else "committed" for line in told)
    assert kinds["committed"] > 100, kinds
    assert kinds["Conflict"] > 0, kinds
    assert kinds["UnitRefused"] > 0, kinds
    causes = Counter(line[1] for line in told if line[0] == "unavailable")
    assert causes, "connections were cut and nobody noticed"
    assert "DeadlockDetectedError" not in causes


def judge_units(everything: list[Record], told: list[list[str]]) -> None:
    """All of a unit's events or none; all that was acknowledged."""
    counts: Counter[str] = Counter()
    totals: dict[str, int] = {}
    for record in everything:
        command, total, *_ = said(record).split(" ") if said(record) else ("", "0")
        counts[command] += 1
        totals[command] = int(total)
    del counts[""]
    assert {command: totals[command] for command in counts} == dict(counts), "a unit is half applied"
    for line in told:
        if len(line[0]) == 36:
            assert counts[line[0]] == int(line[1]), "an acknowledged unit is missing"


async def judge_room(log: PostgresLog, pool: Pool, room: LogKey, everything: list[Record]) -> None:
    """Numbers without a gap, a chain that verifies, and the claim where the room's own history says it is."""
    verified = await pool.fetchrow("SELECT * FROM parlour.verify($1)", room.uid)
    assert verified is not None
    assert verified["ok"], verified
    mine = [record for record in everything if record.log == room]
    assert [record.seq for record in mine] == list(range(1, verified["events"] + 1))
    holder = None
    for record in mine:
        match said(record).split(" "):
            case [_, _, "take", who]:
                assert holder in (None, who)
                holder = who
            case [_, _, "release", who] if holder == who:
                holder = None
            case [_, _, "require", who]:
                assert holder == who
            case _:
                pass
    assert [row.holder for row in await log.claims("storm", APP, room.room)] == ([holder] if holder else [])


def said(record: Record) -> str:
    return msgspec.json.decode(decode_envelope(record.env).data, type=Body).body


async def test_racing_calls_with_the_same_command_ids_do_not_deadlock(postgres: str, pool: Pool) -> None:
    """Calls that share no shard meet in the command table alone, and in opposite orders."""
    log = PostgresLog(pool)
    rooms = [new_log() for _ in range(4)]
    await log.append(tuple(unit(append(room, creates=True)) for room in rooms))
    for _ in range(30):
        ids = [unit().command_id for _ in range(6)]
        orders = (ids, ids[::-1], ids[3:] + ids[:3], ids[::-1][2:] + ids[::-1][:2])
        calls = [
            tuple(unit(append(room), command_id=id_) for id_ in order)
            for room, order in zip(rooms, orders, strict=True)
        ]
        outcomes = await asyncio.gather(*(log.append(call) for call in calls))
        done = Counter(type(outcome).__name__ for call in outcomes for outcome in call)
        assert done == {"Committed": 6, "Duplicate": 18}


async def test_isolation_stronger_than_the_function_was_made_for_is_refused(pool: Pool) -> None:
    room = new_log()
    await PostgresLog(pool).append((unit(append(room, creates=True)),))
    for call in (append_call((unit(),)), append_call((unit(append(room)),))):
        with pytest.raises(asyncpg.InvalidTransactionStateError):
            async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
                await connection.fetchrow(call.statement, *call.arguments)
