"""Hot questions stay cheap: each by its index, in its own partitions, and a page reads a page. And what a killed projector leaves.

The plans are those of the connections that answer, for tables with two months of forty apps in them.
"""

import re
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from parlour.contracts.history import Generation
from parlour.record.adapters.history import CALL, PARTICIPANTS, PLANNER, ROWS, calls_query
from parlour.record.adapters.maintenance import PostgresDamagedEvents
from parlour.record.adapters.projections import PostgresGenerations, PostgresProjections
from parlour.record.app.damaged_events import DamageReport
from parlour.record.app.history.calls import CallFilter
from parlour.record.app.history.projector import EVENTS_PER_BATCH, CursorConflict, Projector
from parlour.record.domain.projections import VERSION
from parlour.runtime.postgres import create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.harness.history import running_history

pytestmark = pytest.mark.asyncio(loop_scope="module")
APP = 5
CALLS = 20_000
ANN = "00000000-0000-4000-8000-000000000001"
PAGE = 51
_ROWS = """
INSERT INTO {schema}.call
    SELECT ids.uid, 5 + n % 40, 'room-' || n / 40 % 8, ids.at, ids.at + 1, '', 9, ids.at, 2, 2, 2, 1, 1, 0, 0, 0, 0 FROM ids;
INSERT INTO {schema}.participant
    SELECT ids.uid, '00000000-0000-4000-8000-' || lpad(to_hex(n / 40 % 5), 12, '0'), 5 + n % 40, 1, 2, 1, 0, 0 FROM ids;
INSERT INTO {schema}.session
    SELECT ids.uid, s, 's', 'a', '', 1, 2, 3, 'left', '', 0, 0, 0, NULL FROM ids, generate_series(1, 3) s WHERE n % 10 = 0;
INSERT INTO {schema}.play
    SELECT ids.uid, s, 'cam', 's', 'a', 'b', 1, 2, 3, 'left' FROM ids, generate_series(1, 3) s WHERE n % 10 = 0;
ANALYZE {schema}.call, {schema}.participant, {schema}.session, {schema}.play;
"""
_IDS = """
CREATE TEMP TABLE ids AS
    SELECT n, at, (lpad(to_hex(at / 1000), 12, '0') || '7000' || lpad(to_hex(n), 16, '0'))::uuid AS uid
      FROM (SELECT n, ((extract(epoch FROM date_trunc('month', now())) - 86400 * 14 + n * 100) * 1000000)::bigint AS at
              FROM generate_series(1, $1::int) n) t
"""


class Tables:
    """A generation with rows; `plan` is what Postgres would do."""

    def __init__(self, pool: Pool, number: int, middle: UUID, at: int) -> None:
        self.pool = pool
        self.number = number
        self.middle = middle
        self.at = at

    async def plan(self, question: str, arguments: Sequence[object]) -> str:
        """With what it did: actual rows and loops."""
        async with self.pool.acquire() as connection:
            made = f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, COSTS OFF) {question.format(schema=f'history_{self.number}')}"
            return "\n".join(row[0] for row in await connection.fetch(made, *arguments))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(postgres: str) -> AsyncIterator[Pool]:
    async with await create_pool(postgres, name="owner", max_size=1, planner=PLANNER) as pool:
        yield pool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tables(owner: Pool) -> Tables:
    number = await PostgresGenerations(owner).begin(VERSION)
    async with owner.acquire() as connection:
        await connection.execute(_IDS.replace("$1", str(CALLS)))
        await connection.execute(_ROWS.format(schema=f"history_{number}"))
        row = await connection.fetchrow("SELECT uid, at FROM ids WHERE n = $1", CALLS // 2)
    assert row is not None
    return Tables(owner, number, row["uid"], row["at"])


def read(plan: str) -> int:
    """The rows that scans of calls, people, sessions and plays gave, over all loops, with those that they threw away."""
    scans = re.findall(
        r"(?<!Bitmap Index )Scan.* on (?:call|participant|session|play)_.*\(actual rows=([\d.]+) loops=(\d+)\)", plan
    )
    removed = [int(number) for number in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
    return round(sum(float(rows) * int(loops) for rows, loops in scans)) + sum(removed)


def scanned(plan: str) -> set[str]:
    """The partitions that were touched at all."""
    touched = re.findall(r"Scan.* on (\w+_(?:\d{4}_\d\d|default)) .*\(actual", plan)
    return {name for name in touched if not name.endswith("_default")}


@pytest.mark.parametrize(
    ("room", "actor", "index"),
    [("", "", "app_room_uid_idx"), ("room-0", "", "app_room_room_uid_idx"), ("", ANN, "app_actor_room_uid_idx")],
)
async def test_a_page_of_calls_reads_a_page(tables: Tables, room: str, actor: str, index: str) -> None:
    for before in (None, tables.middle):
        wanted = CallFilter(APP, room, actor, 0, 0, before)
        plan = await tables.plan(*calls_query(wanted, PAGE))
        assert index in plan
        assert "Seq Scan" not in plan
        assert not re.search(r"-> +Sort ", plan), "the index gives the order"
        # of each month at most one more than wanted is looked at; a person's page is looked up row by row
        assert read(plan) <= PAGE * (2 if actor else 1) + 20, plan


async def test_a_time_reads_its_months_only(tables: Tables) -> None:
    day = 86_400_000_000
    wanted = CallFilter(APP, "", "", tables.at - 5 * day, tables.at - 4 * day, None)
    plan = await tables.plan(*calls_query(wanted, PAGE))
    assert len(scanned(plan)) == 1, plan
    everything = CallFilter(APP, "", "", 0, 0, None)
    assert len(scanned(await tables.plan(*calls_query(everything, PAGE)))) > 1


@pytest.mark.parametrize("question", [CALL, PARTICIPANTS, *(ROWS[table] for table in ("session", "play"))])
async def test_what_is_asked_of_one_call_reads_its_month_only(tables: Tables, question: str) -> None:
    more = [] if question == CALL else [PAGE] if question == PARTICIPANTS else [-1, PAGE]
    plan = await tables.plan(question, [tables.middle, *more])
    assert "Seq Scan" not in plan
    assert len(scanned(plan)) == 1, plan
    assert all("never executed" in line for line in plan.splitlines() if "default" in line), plan
    assert read(plan) <= 3


async def test_these_tests_see_a_lost_index(tables: Tables) -> None:
    wanted = CallFilter(APP, "room-0", "", 0, 0, None)
    async with tables.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"DROP INDEX history_{tables.number}.call_of_room")
        question, arguments = calls_query(wanted, PAGE)
        made = f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, COSTS OFF) {question.format(schema=f'history_{tables.number}')}"
        plan = "\n".join(row[0] for row in await connection.fetch(made, *arguments))
        await transaction.rollback()
    assert "app_room_room_uid_idx" not in plan
    assert read(plan) > PAGE + 20


class Killed(PostgresProjections):
    """Dies behind the writes of its `last` batch, before they are committed."""

    last = 3

    async def _put(self, *arguments: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        await super()._put(*arguments)  # pyright: ignore[reportArgumentType]
        self.last -= 1
        if self.last < 0:
            raise SystemError("killed")


def _projector(owner: Pool, store: PostgresProjections, batch: int = EVENTS_PER_BATCH) -> Projector:
    return Projector(store, DamageReport(PostgresDamagedEvents(owner), lambda _reader, _number: None), batch)


async def _rows(pool: Pool, number: int) -> list[asyncpg.Record]:
    place = f"history_{number}"
    names = ("call", "participant", "session", "stream", "play", "messages")
    return [row for name in names for row in await pool.fetch(f"SELECT * FROM {place}.{name} t ORDER BY 1, 2")]


async def test_a_killed_projector_leaves_nothing_half_done(
    owner: Pool, environment: object, postgres: str, tables: Tables
) -> None:
    async with running_history(environment, postgres) as harness:  # pyright: ignore[reportArgumentType]
        for _ in range(3):
            await harness.call(says=20)
        await harness.call(says=5, closes=False)
    generations = PostgresGenerations(owner)
    await generations.activate(tables.number)
    first = await generations.begin(VERSION)
    whole = _projector(owner, PostgresProjections(owner, first))
    while await whole.step():
        pass
    await generations.activate(first)
    second = await generations.begin(VERSION)
    killed = 0
    for _ in range(100):
        store = Killed(owner, second)
        store.last = 6 + killed
        projector = _projector(owner, store, 7)
        try:
            while await projector.step():
                pass
            break
        except SystemError:
            killed += 1
    assert killed > 3
    assert await _rows(owner, second) == await _rows(owner, first) != []
    one: Generation = (await generations.all())[-1]
    assert (one.number, one.done) == (second, one.total)


async def test_of_two_projectors_one_is_overtaken(owner: Pool) -> None:
    generations = PostgresGenerations(owner)
    number = (await generations.all())[-1].number
    await generations.activate(number)
    third = await generations.begin(VERSION)
    slow, fast = (_projector(owner, PostgresProjections(owner, third), 10) for _ in range(2))
    overtaken = 0
    while True:
        # one of them is always behind, unless they happen to look at other shards
        try:
            if not await slow.step():
                break
            await fast.step()
        except CursorConflict:
            overtaken += 1
    assert overtaken
    assert await _rows(owner, third) == await _rows(owner, number)
    await generations.drop(third)
    with pytest.raises(CursorConflict):
        await _projector(owner, PostgresProjections(owner, third)).step()
