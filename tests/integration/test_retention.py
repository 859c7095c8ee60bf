"""Months leave the database only as files that prove themselves: whatever is changed, held, unread or killed on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from parlour.contracts.proofs import InclusionQuery
from parlour.record.adapters.retention import PostgresRetention
from parlour.testkit.clock import uuid7
from parlour.testkit.harness.retention import RetentionHarness, running_retention
from parlour.testkit.units import append, new_log

Environment = Callable[[str], dict[str, str]]
YEAR_US = 366 * 86_400 * 1_000_000


@pytest.fixture
async def harness(environment: Environment, postgres: str) -> AsyncIterator[RetentionHarness]:
    async with running_retention(environment, postgres) as made:
        yield made


class Hooked(PostgresRetention):
    """Does something before or after one of its steps."""

    def __init__(
        self,
        harness: RetentionHarness,
        step: str,
        before: Callable[[], Any] | None = None,
        after: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(harness.record)
        inner = getattr(super(), step)

        async def hooked(*arguments: Any) -> Any:
            for do in (before,):
                await _done(do)
            found = await inner(*arguments)
            await _done(after)
            return found

        setattr(self, step, hooked)


async def _done(do: Callable[[], Any] | None) -> None:
    made = do() if do is not None else None
    if made is not None:
        await made


def killed() -> None:
    raise SystemError("killed")


async def test_what_is_over_goes_and_the_rest_stays(harness: RetentionHarness) -> None:
    gone = [await harness.room() for _ in range(3)]
    stays, app = await harness.room(closes=False), await harness.app_log(4001)
    await harness.signed()
    rounds = harness.rounds()
    (month,) = (await rounds.status()).months
    assert (month.calls, month.due, month.open, month.blockers) == (4, 3, 1, ())
    await rounds.round("Jo")

    assert [await harness.here(key) for key in gone] == [0, 0, 0]
    assert [await harness.here(key) for key in (stays, app)] == [3, 1]
    assert [await harness.in_sql(key) for key in (stays, app)] == [(True, None)] * 2
    status = await rounds.status()
    (archive,) = status.archives
    assert (archive.calls, archive.events, archive.by, archive.problem) == (3, 12, "Jo", "")
    assert archive.dropped_at > archive.exported_at
    assert [(month.calls, month.due) for month in status.months] == [(1, 0)]
    verdict = await harness.verdict(archive.file)
    assert (verdict.ok, verdict.calls, verdict.events, verdict.signed, verdict.month) == (
        True,
        3,
        12,
        12,
        archive.month,
    )
    assert await harness.in_sql(gone[0]) == (
        None,
        f"archived in {archive.file} (sha256 {archive.sha256}): verify that file",
    )
    proof = await harness.proofs.inclusion(InclusionQuery(str(gone[1].uid)))
    assert (proof.seq, proof.room_uid) == (4, str(gone[1].uid))
    archived = await harness.shelf.find(gone[2].uid)
    assert archived is not None
    assert (archived.file, archived.call.room) == (archive.file, gone[2].room)

    await rounds.round()
    assert (await rounds.status()).archives == (archive,)
    await harness.close(stays)
    await harness.signed()
    await rounds.round()
    assert await harness.here(stays) == 0
    assert [(one.calls, one.events) for one in (await rounds.status()).archives] == [(1, 4), (3, 12)]
    assert await harness.in_sql(app) == (True, None)


async def test_rooms_go_on_while_a_month_is_dropped(harness: RetentionHarness) -> None:
    gone, stays = await harness.room(), [await harness.room(closes=False) for _ in range(4)]
    await harness.signed()
    # by the clock of these rounds what is being said now is old, too: nobody waits for readers of it
    await harness.owner.execute("DELETE FROM parlour.cursor")
    over = asyncio.Event()

    async def talk(number: int) -> int:
        said = 0
        while not over.is_set() or said < 5:
            await harness.write(append(stays[number]))
            said += 1
        return said

    talks = [asyncio.create_task(talk(number)) for number in range(4)]
    await harness.rounds().round()
    over.set()
    said = [await one for one in talks]
    assert await harness.here(gone) == 0
    for key, number in zip(stays, said, strict=True):
        assert (
            await harness.owner.fetchval("SELECT count(*) FROM parlour.event WHERE room_uid = $1", key.uid)
            == 3 + number
        )
        assert await harness.in_sql(key) == (True, None)


async def test_nothing_is_dropped_for_a_file_with_one_byte_changed(harness: RetentionHarness) -> None:
    key = await harness.room()
    await harness.signed()

    def change() -> None:
        (file,) = harness.folder.iterdir()
        raw = bytearray(file.read_bytes())
        place = raw.index(b'"env":"') + 40
        raw[place] = ord("B") if raw[place] == ord("A") else ord("A")  # base64 as before
        file.write_bytes(raw)

    rounds = harness.rounds(store=Hooked(harness, "add", after=change))
    await rounds.round()
    assert await harness.here(key) == 4
    status = await rounds.status()
    assert "event 1 was changed" in status.archives[0].problem
    assert status.archives[0].dropped_at == 0
    assert [one.kind for month in status.months for one in month.blockers] == ["file"]

    await harness.rounds().round()
    assert await harness.here(key) == 0
    assert (await harness.verdict((await rounds.status()).archives[0].file)).ok


async def test_nothing_is_dropped_that_was_changed_in_the_database(harness: RetentionHarness) -> None:
    key = await harness.room()
    await harness.signed()
    await harness.owner.execute(
        "UPDATE parlour.event SET appended_at = appended_at + 1 WHERE room_uid = $1 AND seq = 2", key.uid
    )
    await harness.rounds().round()
    assert await harness.here(key) == 4
    problem = (await harness.rounds().status()).archives[0].problem
    assert f"call {key.uid}, event 2: event 2 was changed" in problem
    await harness.owner.execute(
        "UPDATE parlour.event SET appended_at = appended_at - 1 WHERE room_uid = $1 AND seq = 2", key.uid
    )
    await harness.rounds().round()
    assert await harness.here(key) == 0


@pytest.mark.parametrize("kind", ["hold", "person"])
async def test_a_hold_keeps_its_month(harness: RetentionHarness, kind: str) -> None:
    app = 5000 + len(kind)
    actor = await harness.people.actor(app, "ann")
    log, key = await harness.app_log(app), await harness.room(app=app, actor=actor)
    whom = {"actor": actor} if kind == "person" else {"room": key.room}
    await harness.hold(log, "placed", **whom)
    await harness.signed()
    await harness.rounds().round()
    assert await harness.here(key) == 4
    assert not list(harness.folder.iterdir())
    (month,) = (await harness.rounds().status()).months
    assert [(one.kind, one.app, one.what) for one in month.blockers] == [
        (kind, app, "ann" if kind == "person" else key.room)
    ]

    await harness.hold(log, "released", **whom)
    await harness.signed()
    await harness.rounds().round()
    assert await harness.here(key) == 0


async def test_a_hold_that_comes_after_the_export_keeps_it_too(harness: RetentionHarness) -> None:
    log, key = await harness.app_log(6001), await harness.room(app=6001)
    await harness.signed()
    late = Hooked(harness, "drop", before=lambda: harness.hold(log, "placed", room=key.room))
    await harness.rounds(store=late).round()
    assert await harness.here(key) == 4
    await harness.rounds().round()
    assert await harness.here(key) == 4
    await harness.hold(log, "released", room=key.room)
    await harness.signed()
    await harness.rounds().round()
    assert await harness.here(key) == 0
    (archive, *_) = (await harness.rounds().status()).archives
    assert (archive.calls, archive.problem) == (1, "")


async def test_what_is_not_signed_or_not_read_by_all_stays(harness: RetentionHarness) -> None:
    key = await harness.room()
    (month,) = (await harness.rounds().status()).months
    assert [(one.kind, one.what) for one in month.blockers if one.kind != "reader"] == [("unsigned", str(key.uid))]
    await harness.rounds().round()
    assert await harness.here(key) == 4
    await harness.signed()
    (first, *_) = await harness.log.read(key.uid, 0, 1)
    await harness.log.advance("a reader", first.p, first.pos)
    (month,) = (await harness.rounds().status()).months
    assert [(one.kind, one.what) for one in month.blockers] == [("reader", "a reader")]
    await harness.rounds().round()
    assert await harness.here(key) == 4
    for p, pos in (await harness.log.shard_heads()).items():
        await harness.log.advance("a reader", p, pos)
    await harness.rounds().round()
    assert await harness.here(key) == 0
    await harness.owner.execute("DELETE FROM parlour.cursor WHERE reader = 'a reader'")


@pytest.mark.parametrize(
    ("step", "moment"), [("add", "before"), ("add", "after"), ("drop", "after"), ("forget", "after")]
)
async def test_a_killed_round_is_gone_on_with(harness: RetentionHarness, step: str, moment: str) -> None:
    key, before = await harness.room(), len((await harness.rounds().status()).archives)
    await harness.signed()
    with pytest.raises(SystemError):
        await harness.rounds(store=Hooked(harness, step, **{moment: killed})).round()
    assert await harness.here(key) == (4 if step == "add" else 0)
    await harness.rounds().round()
    assert await harness.here(key) == 0
    archives = (await harness.rounds().status()).archives
    assert len(archives) == before + 1
    assert all(one.forgotten and one.dropped_at for one in (await harness.store.archives())[:1])
    assert (await harness.verdict(archives[0].file)).calls == 1
    assert not list(harness.folder.glob("*.part"))


async def test_a_month_that_nobody_prepared(harness: RetentionHarness) -> None:
    """Its events are taken all the same, stay where they are, and leave the database like others."""
    far_us = time.time_ns() // 1000 + 10 * YEAR_US
    keys = [await harness.room(uid=uuid7(far_us, number)) for number in range(2)]
    open_ = await harness.room(uid=uuid7(far_us, 9), closes=False)
    count = "SELECT count(*) FROM parlour.event_default"
    assert await harness.owner.fetchval(count) == 11
    made = await harness.owner.fetch("SELECT parlour.make_partitions(1, now() + interval '10 years') AS name")
    assert len(made) <= 1, "the month whose events have a place already gets none"
    assert [await harness.in_sql(key) for key in (*keys, open_)] == [(True, None)] * 3
    await harness.signed()
    await harness.rounds().round()
    assert await harness.owner.fetchval(count) == 3
    archive = (await harness.rounds().status()).archives[0]
    assert (archive.month, archive.calls) == ("default", 2)
    assert (await harness.verdict(archive.file)).ok
    await harness.write(append(open_))
    assert await harness.in_sql(open_) == (True, None)
    await harness.close(open_)
    await harness.signed()
    await harness.rounds().round()
    assert await harness.owner.fetchval(count) == 0


async def test_the_next_month_is_there_before_it_begins(harness: RetentionHarness) -> None:
    names = await harness.owner.fetch("SELECT to_char(now() AT TIME ZONE 'UTC' + make_interval(months => n), 'YYYY_MM') AS name "
                                   "FROM generate_series(0, 3) n")  # fmt: skip
    assert {row["name"] for row in names} <= set(await harness.store.months())


@pytest.mark.parametrize("service", ["auth", "room", "registry", "im"])
async def test_others_may_not_drop(environment: Environment, service: str) -> None:
    connection = await asyncpg.connect(environment(service)["PARLOUR_POSTGRES_DSN"])
    try:
        for statement in ("SELECT parlour.drop_archived(1)", "SELECT parlour.note_archive('', 0, '', '', 0, 0, '', 0)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_record_drops_by_its_function_only(environment: Environment) -> None:
    connection = await asyncpg.connect(environment("record")["PARLOUR_POSTGRES_DSN"])
    statements = (
        "UPDATE parlour.archive SET problem = ''",
        "DELETE FROM parlour.archived",
        "DROP TABLE parlour.event_default",
    )
    try:
        for statement in statements:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


def test_a_new_log_is_of_this_month() -> None:
    """What the other tests rest on: only their rounds' clock is ahead."""
    assert new_log().uid.int >> 80 > time.time_ns() // 1_000_000 - 60_000
