"""Any sequence of calls gets the same outcomes from the memory log and from the one in Postgres."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from parlour.kernel.log import AppendUnit, Claim, Committed, Deadline, LogKey, NewEvent, Outcome
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.log import MemoryLog
from parlour.testkit.units import APP, append, new_log, unit

ROOMS = 3
HOLDERS = ("a", "b")


class Plan(msgspec.Struct, frozen=True):
    """A unit by indices, so that one plan can be played on fresh rooms and ids."""

    command: int
    digest: bytes
    appends: tuple[tuple[int, str, int | None, int, bool, bool], ...]
    claims: tuple[tuple[str, int, str, str, int], ...]
    deadlines: tuple[tuple[int, int | None], ...]


appends = st.tuples(
    st.integers(0, ROOMS - 1), st.sampled_from(["room", "im"]), st.none() | st.integers(0, 3), st.integers(1, 2),
    st.booleans(), st.integers(0, 9).map(lambda n: n == 0),
)  # fmt: skip
CLAIM_PARTS = (st.integers(0, 1), st.sampled_from(HOLDERS), st.sampled_from(["", "x", "y"]), st.integers(1, 2))
claims = st.tuples(st.sampled_from(["take", "take", "release", "require"]), *CLAIM_PARTS)
deadlines = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 9))
plans = st.builds(
    Plan, st.integers(0, 8), st.sampled_from([b"d", b"d", b"e"]), st.lists(appends, max_size=3).map(tuple),
    st.lists(claims, max_size=3).map(tuple), st.lists(deadlines, max_size=2).map(tuple),
)  # fmt: skip
simple_append = st.tuples(
    st.integers(0, ROOMS - 1), st.sampled_from(["room", "im"]), st.none() | st.integers(0, 3), st.just(1), st.just(False),
    st.integers(0, 9).map(lambda n: n == 0),
)  # fmt: skip
simple_plans = st.builds(
    Plan, st.integers(0, 8), st.sampled_from([b"d", b"d", b"e"]), st.tuples(simple_append),
    st.lists(st.tuples(st.just("require"), *CLAIM_PARTS), max_size=1).map(tuple), st.just(()),
)  # fmt: skip
"""What the log takes by its short way."""
calls = st.lists(
    st.lists(plans, min_size=1, max_size=5) | st.lists(simple_plans, min_size=1, max_size=1), min_size=1, max_size=6
)


class Stage:
    """Fresh rooms, command ids and claim keys for one play."""

    def __init__(self) -> None:
        self.rooms = [new_log() for _ in range(ROOMS)]
        self.mark = self.rooms[0].room
        self.commands = [unit().command_id for _ in range(9)]

    def unit(self, plan: Plan) -> AppendUnit[NewEvent]:
        return unit(
            *(
                append(self.rooms[room], count, aggregate=aggregate, expected=expected, creates=creates, closes=closes)
                for room, aggregate, expected, count, creates, closes in plan.appends
            ),
            claims=tuple(
                Claim(op, "twin", APP, f"{self.mark}-{key}", who, slot, limit)
                for op, key, who, slot, limit in plan.claims
            ),
            deadlines=tuple(Deadline(self.mark, f"k{key}", due) for key, due in plan.deadlines),
            command_id=self.commands[plan.command],
            digest=plan.digest,
        )


def comparable(outcome: Outcome) -> object:
    """Without what must differ: clocks, shard positions shared with other tests, and the hashes made of them."""
    if not isinstance(outcome, Committed):
        return outcome
    return [(r.log, r.seq, r.p, r.aggregate, r.version, r.type, r.env) for r in outcome.records]


async def state(log: MemoryLog | PostgresLog, stage: Stage) -> object:
    heads = [await log.head(room.uid) for room in stage.rooms]
    held = [await log.claims("twin", APP, f"{stage.mark}-{key}") for key in (0, 1)]
    due = sorted((d.key, d.due_at) for d in await log.due(stage.mark, 100, 10, 1))
    return [head and (head.seq, head.open, head.versions) for head in heads], held, due


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def pool(postgres: str, runner: asyncio.Runner) -> Iterator[Pool]:
    made = runner.run(create_pool(postgres, name="twins"))
    yield made
    runner.run(made.close())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(played=calls)
def test_twins(played: list[list[Plan]], pool: Pool, runner: asyncio.Runner) -> None:
    async def play() -> None:
        stage, memory, real = Stage(), MemoryLog(), PostgresLog(pool)
        for plan in played:
            units = tuple(stage.unit(one) for one in plan)
            theirs, ours = await memory.append(units), await real.append(units)
            assert [comparable(o) for o in ours] == [comparable(o) for o in theirs]
            assert await state(real, stage) == await state(memory, stage)
        for room in stage.rooms:
            await verified(room)

    async def verified(room: LogKey) -> None:
        if await PostgresLog(pool).head(room.uid):
            row = await pool.fetchrow("SELECT * FROM parlour.verify($1)", UUID(int=room.uid.int))
            assert row is not None
            assert row["ok"], row

    runner.run(play())
