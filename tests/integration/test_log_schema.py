"""What the database itself promises: who may do what, that tampering shows, that months and shards are where they should be."""

import time
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import asyncpg
import pytest

from parlour.contracts.subjects import partition
from parlour.kernel.log import Committed, LogKey
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.clock import uuid7
from parlour.testkit.units import append, new_log, unit

Environment = Callable[[str], dict[str, str]]


@pytest.fixture
async def owner(postgres: str) -> AsyncIterator[Pool]:
    async with await create_pool(postgres, name="owner") as pool:
        yield pool


@pytest.fixture
async def filled(owner: Pool) -> LogKey:
    """A room of ten events in two aggregates."""
    key = new_log()
    outcomes = await PostgresLog(owner).append((
        unit(append(key, 4, creates=True), append(key, 3, aggregate="im")),
        unit(append(key, 3, aggregate="streams")),
    ))  # fmt: skip
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    return key


class TestRoles:
    async def test_a_service_appends_to_its_own_aggregates_only(self, environment: Environment) -> None:
        key = new_log()
        async with await create_pool(environment("room")["PARLOUR_POSTGRES_DSN"], name="room") as pool:
            (done,) = await PostgresLog(pool).append((unit(append(key, creates=True)),))
            assert isinstance(done, Committed)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await PostgresLog(pool).append((unit(append(key)), unit(append(key, aggregate="streams"))))
            assert len(await PostgresLog(pool).read(key.uid, 0, 10)) == 1

    async def test_the_record_appends_nothing(self, environment: Environment) -> None:
        async with await create_pool(environment("record")["PARLOUR_POSTGRES_DSN"], name="record") as pool:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await PostgresLog(pool).append((unit(),))

    @pytest.mark.parametrize("service", ["auth", "room", "registry", "im", "record"])
    async def test_nobody_touches_the_log_but_through_its_function(
        self, service: str, environment: Environment, filled: LogKey
    ) -> None:
        connection = await asyncpg.connect(environment(service)["PARLOUR_POSTGRES_DSN"])
        statements = [
            f"{verb} parlour.{table}{rest}"
            for table, column in (
                ("event", "seq"),
                ("log", "seq"),
                ("shard", "pos"),
                ("claim", "holder"),
                ("event_default", "seq"),
            )
            for verb, rest in (("UPDATE", f" SET {column} = {column}"), ("DELETE FROM", ""), ("TRUNCATE", ""))
        ]
        statements += [
            "INSERT INTO parlour.event SELECT * FROM parlour.event",
            "INSERT INTO parlour.role_aggregate VALUES ('x', 'y')",
        ]
        statements += ["CREATE TABLE parlour.mine ()", "UPDATE parlour.person SET lookup = ''"]
        try:
            for statement in statements:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()


class TestVerify:
    async def test_an_honest_chain(self, owner: Pool, filled: LogKey) -> None:
        row = await owner.fetchrow("SELECT * FROM parlour.verify($1)", filled.uid)
        head = await PostgresLog(owner).head(filled.uid)
        assert row is not None
        assert head is not None
        assert (row["ok"], row["events"], row["broken_seq"], row["head_hash"]) == (True, 10, None, head.hash.hex())

    @pytest.mark.parametrize(
        ("tampering", "broken", "problem"),
        [
            ("UPDATE parlour.event SET env = env || ' ' WHERE room_uid = $1 AND seq = 4", 4, "not that of its bytes"),
            (
                "UPDATE parlour.event SET appended_at = appended_at + 1 WHERE room_uid = $1 AND seq = 10",
                10,
                "not that of its bytes",
            ),
            (
                "UPDATE parlour.event SET type = 'room.other.v1' WHERE room_uid = $1 AND seq = 2",
                2,
                "other than its envelope",
            ),
            ("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = 3", 3, "missing before seq 4"),
            ("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = 1", 1, "missing before seq 2"),
            ("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = 10", 10, "last events are missing"),
            ("UPDATE parlour.event SET prev = hash WHERE room_uid = $1 AND seq = 6", 6, "does not cite"),
            ("UPDATE parlour.event SET seq = 23 - seq WHERE room_uid = $1 AND seq IN (9, 10)", 9, "missing"),
            ("UPDATE parlour.log SET hash = sha256('') WHERE uid = $1", 10, "another hash"),
        ],
    )
    async def test_tampering_names_the_first_broken_event(
        self, owner: Pool, filled: LogKey, tampering: str, broken: int, problem: str
    ) -> None:
        await owner.execute(tampering, filled.uid)
        row = await owner.fetchrow("SELECT * FROM parlour.verify($1)", filled.uid)
        assert row is not None
        assert (row["ok"], row["broken_seq"]) == (False, broken)
        assert problem in row["problem"]

    async def test_a_whole_forged_history_of_another_room(self, owner: Pool, filled: LogKey) -> None:
        other = new_log()
        await owner.execute("UPDATE parlour.event SET room_uid = $2 WHERE room_uid = $1", filled.uid, other.uid)
        await owner.execute("UPDATE parlour.log SET uid = $2 WHERE uid = $1", filled.uid, other.uid)
        row = await owner.fetchrow("SELECT * FROM parlour.verify($1)", other.uid)
        assert row is not None
        assert (row["ok"], row["broken_seq"]) == (False, 1)
        assert "another log" in row["problem"]

    async def test_no_such_log(self, owner: Pool) -> None:
        row = await owner.fetchrow("SELECT * FROM parlour.verify($1)", new_log().uid)
        assert row is not None
        assert (row["ok"], row["problem"]) == (False, "there is no such log")


class TestPlaces:
    @pytest.mark.parametrize(
        "room", ["", "a", "room-1_X", "a.b/c>d", "~!@#$^&*()_+=-,;'’.<>/", "ü" * 60, "=2E", "." * 128]
    )
    @pytest.mark.parametrize("app", [1, 1234567890, 2**32 - 1])
    async def test_sql_and_python_put_a_room_into_the_same_shard(self, owner: Pool, app: int, room: str) -> None:
        assert await owner.fetchval("SELECT parlour.partition($1, $2)", app, room) == partition(app, room)

    async def test_a_log_of_a_wrong_shard_is_refused(self, owner: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
        key = new_log()
        wrong = (partition(key.app, key.room) + 1) % 256
        monkeypatch.setattr("parlour.runtime.postgres.append_call.partition", lambda app, room: wrong)
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await PostgresLog(owner).append((unit(append(key, creates=True)),))

    async def test_each_month_has_a_partition_and_what_fits_nowhere_is_kept(self, owner: Pool) -> None:
        now = LogKey(77, "now", uuid7(time.time_ns() // 1000, 1))
        old = LogKey(77, "old", UUID(int=7))
        log = PostgresLog(owner)
        assert all(
            isinstance(o, Committed)
            for o in await log.append((unit(append(now, creates=True)), unit(append(old, creates=True))))
        )
        question = "SELECT tableoid::regclass::text FROM parlour.event WHERE room_uid = $1"
        month = time.strftime("%Y_%m", time.gmtime())
        assert await owner.fetchval(question, now.uid) == f"parlour.event_{month}"
        assert await owner.fetchval(question, old.uid) == "parlour.event_default"

    async def test_partitions_are_made_once(self, owner: Pool, environment: Environment) -> None:
        async with await create_pool(environment("record")["PARLOUR_POSTGRES_DSN"], name="record") as pool:
            question = "SELECT parlour.make_partitions(2, '2031-12-15')"
            assert [row[0] for row in await pool.fetch(question)] == ["event_2031_12", "event_2032_01", "event_2032_02"]
            assert await pool.fetch(question) == []

    async def test_old_answers_are_forgotten_in_portions(self, owner: Pool, environment: Environment) -> None:
        log = PostgresLog(owner)
        units = tuple(unit() for _ in range(5))
        await log.append(units)
        ids = [one.command_id for one in units]
        await owner.execute("UPDATE parlour.command SET completed_at = 5 WHERE command_id = ANY($1)", ids[:3])
        async with await create_pool(environment("record")["PARLOUR_POSTGRES_DSN"], name="record") as pool:
            assert await pool.fetchval("SELECT parlour.purge_commands(6, 2)") == 2
            assert await pool.fetchval("SELECT parlour.purge_commands(6, 2)") == 1
        assert [type(outcome).__name__ for outcome in await log.append(units)] == ["Committed"] * 3 + ["Duplicate"] * 2

    async def test_the_history_view_reads_well(self, owner: Pool, filled: LogKey) -> None:
        row = await owner.fetchrow("SELECT * FROM parlour.history WHERE room_uid = $1 AND seq = 1", filled.uid)
        assert row is not None
        assert (row["app"], row["room"], row["type"]) == (filled.app, filled.room, "room.test.v1")
        assert abs(row["at"].timestamp() - time.time()) < 60
