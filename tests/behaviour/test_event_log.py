"""What every event log does: the port's promises, one by one."""

import asyncio
from uuid import UUID, uuid4

import msgspec

from parlour.contracts.envelope import GENESIS, chain_hash
from parlour.contracts.subjects import partition
from parlour.kernel.log import (
    HEAD,
    AppendUnit,
    Claim,
    ClaimRow,
    Committed,
    Conflict,
    Deadline,
    DueDeadline,
    Duplicate,
    EventLog,
    LogKey,
    NewEvent,
    Outcome,
    Record,
    UnitRefused,
)
from parlour.testkit.units import APP, append, new_log, unit


async def one(log: EventLog, asked: AppendUnit[NewEvent]) -> Outcome:
    (outcome,) = await log.append((asked,))
    return outcome


async def committed(log: EventLog, asked: AppendUnit[NewEvent]) -> tuple[Record, ...]:
    outcome = await one(log, asked)
    assert isinstance(outcome, Committed), outcome
    return outcome.records


async def opened(log: EventLog, room: str = "") -> LogKey:
    key = new_log(room)
    await committed(log, unit(append(key, creates=True, expected=0)))
    return key


def take(key: str, holder: str, **more: object) -> Claim:
    return Claim("take", "test", APP, key, holder, **more)  # pyright: ignore[reportArgumentType]


def release(key: str, holder: str, **more: object) -> Claim:
    return Claim("release", "test", APP, key, holder, **more)  # pyright: ignore[reportArgumentType]


def require(key: str, holder: str, **more: object) -> Claim:
    return Claim("require", "test", APP, key, holder, **more)  # pyright: ignore[reportArgumentType]


class TestHead:
    async def test_a_unit_may_ask_for_the_log_it_knows(self, log: EventLog) -> None:
        """Whatever the aggregate: the condition is on the log as a whole."""
        key = await opened(log)
        (record,) = await committed(
            log, unit(append(key, 0, aggregate=HEAD, expected=1), append(key, 1, aggregate="im"))
        )
        assert (record.seq, record.version) == (2, 1)
        stale = unit(append(key, 0, aggregate=HEAD, expected=1), append(key, 1, aggregate="streams"))
        assert await one(log, stale) == Conflict(key.uid, HEAD, 2)
        await committed(log, unit(append(key, 0, aggregate=HEAD, expected=2)))
        head = await log.head(key.uid)
        assert head is not None
        assert (head.seq, head.versions) == (2, {"room": 1, "im": 1}), "a condition leaves no trace"

    async def test_of_many_who_know_the_same_log_one_is_right(self, log: EventLog) -> None:
        key = await opened(log)
        units = [
            unit(append(key, 0, aggregate=HEAD, expected=1), append(key, 1, aggregate=name))
            for name in ("room", "im", "streams", "im")
        ]
        apart = await asyncio.gather(*(one(log, asked) for asked in units))
        assert sum(isinstance(outcome, Committed) for outcome in apart) == 1
        together = await log.append(
            tuple(unit(append(key, 0, aggregate=HEAD, expected=2), append(key, 1)) for _ in range(3))
        )
        assert [type(outcome) for outcome in together] == [Committed, Conflict, Conflict]


class TestOrderAndChain:
    async def test_numbers_positions_versions_and_hashes_follow_each_other(self, log: EventLog) -> None:
        key = new_log()
        first = await committed(log, unit(append(key, 2, creates=True, expected=0), append(key, 1, aggregate="im")))
        second = await committed(log, unit(append(key, 1, expected=2)))
        records = first + second
        assert [r.seq for r in records] == [1, 2, 3, 4]
        assert [r.version for r in records] == [1, 2, 1, 3]
        assert [r.aggregate for r in records] == ["room", "room", "im", "room"]
        assert [r.pos for r in records] == list(range(records[0].pos, records[0].pos + 4))
        assert {r.p for r in records} == {partition(key.app, key.room)}
        prev = GENESIS
        for record in records:
            assert record.prev == prev
            assert record.hash == chain_hash(prev, record.seq, record.at, record.env)
            prev = record.hash
        assert [r.at for r in records] == sorted(r.at for r in records)

    async def test_what_was_answered_is_what_is_read(self, log: EventLog) -> None:
        key = new_log("a.b/c>d ü")
        records = await committed(log, unit(append(key, 5, creates=True, body="ü")))
        assert await log.read(key.uid, 0, 100) == records
        assert await log.read(key.uid, 2, 2) == records[2:4]
        assert await log.read(key.uid, 5, 10) == ()
        assert await log.read(new_log().uid, 0, 10) == ()
        assert await log.read_shard(records[0].p, records[0].pos - 1, 5) == records
        assert (await log.shard_heads())[records[0].p] == records[-1].pos

    async def test_head_and_latest(self, log: EventLog) -> None:
        key = new_log()
        assert await log.head(key.uid) is None
        assert await log.latest(key.app, key.room) is None
        *_, last = await committed(log, unit(append(key, 2, creates=True), append(key, 3, aggregate="streams")))
        head = await log.head(key.uid)
        assert head is not None
        assert (head.log, head.seq, head.hash, head.at, head.open) == (key, 5, last.hash, last.at, True)
        assert head.versions == {"room": 2, "streams": 3}
        assert await log.latest(key.app, key.room) == head

    async def test_the_latest_life_is_the_one_that_began_last(self, log: EventLog) -> None:
        young = new_log()
        old = msgspec.structs.replace(young, uid=UUID(int=young.uid.int - (1 << 80)))
        await committed(log, unit(append(young, creates=True)))
        await committed(log, unit(append(old, creates=True)))
        latest = await log.latest(young.app, young.room)
        assert latest is not None
        assert latest.log == old

    async def test_an_empty_call_is_nothing(self, log: EventLog) -> None:
        assert await log.append(()) == ()

    async def test_an_apps_own_log_has_no_room(self, log: EventLog) -> None:
        key = LogKey(912, "", new_log().uid)
        await committed(log, unit(append(key, aggregate="app", creates=True)))
        latest = await log.latest(912, "")
        assert latest is not None
        assert latest.log == key

    async def test_what_is_not_committed_leaves_no_gap_in_the_shard(self, log: EventLog) -> None:
        key = await opened(log)
        said = unit(append(key, aggregate="im"))
        (before,) = await committed(log, said)
        assert isinstance(await one(log, said), Duplicate)
        assert isinstance(await one(log, unit(append(key, expected=7))), Conflict)
        assert isinstance(await one(log, unit(append(key), claims=(require("nobody", "x"),))), UnitRefused)
        (after,) = await committed(log, unit(append(key, aggregate="im")))
        assert after.pos == before.pos + 1


class TestConcurrencyCheck:
    async def test_a_stale_version_is_a_conflict_and_changes_nothing(self, log: EventLog) -> None:
        key = await opened(log)
        stale = unit(append(key, expected=0), claims=(take(key.room, "x"),), deadlines=(Deadline("t", key.room, 1),))
        assert await one(log, stale) == Conflict(key.uid, "room", 1)
        assert await log.claims("test", APP, key.room) == ()
        assert key.room not in {d.key for d in await log.due("t", 10, 100, 1)}
        assert len(await log.read(key.uid, 0, 10)) == 1

    async def test_aggregates_of_one_room_do_not_disturb_each_other(self, log: EventLog) -> None:
        key = await opened(log)
        await committed(log, unit(append(key, 2, aggregate="streams", expected=0)))
        await committed(log, unit(append(key, expected=1)))
        await committed(log, unit(append(key, aggregate="streams", expected=2)))

    async def test_a_log_is_created_once_and_only_then_appended_to(self, log: EventLog) -> None:
        key = new_log()
        assert await one(log, unit(append(key))) == Conflict(key.uid, "room", 0)
        await committed(log, unit(append(key, creates=True)))
        assert await one(log, unit(append(key, creates=True))) == Conflict(key.uid, "room", 1)

    async def test_a_closed_log_takes_no_more(self, log: EventLog) -> None:
        key = await opened(log)
        await committed(log, unit(append(key, closes=True)))
        assert await one(log, unit(append(key))) == Conflict(key.uid, "room", 2)
        head = await log.head(key.uid)
        assert head is not None
        assert not head.open

    async def test_within_a_unit_each_append_sees_the_one_before(self, log: EventLog) -> None:
        key = new_log()
        records = await committed(
            log,
            unit(
                append(key, creates=True, expected=0), append(key, 2, expected=1), append(key, expected=3, closes=True)
            ),
        )
        assert [r.version for r in records] == [1, 2, 3, 4]
        other = new_log()
        after_close = unit(append(other, creates=True, closes=True), append(other))
        assert await one(log, after_close) == Conflict(other.uid, "room", 1)
        assert await log.head(other.uid) is None

    async def test_a_unit_over_two_rooms_is_all_or_nothing(self, log: EventLog) -> None:
        here, there = await opened(log), await opened(log)
        assert await one(log, unit(append(here, expected=1), append(there, expected=9))) == Conflict(
            there.uid, "room", 1
        )
        assert len(await log.read(here.uid, 0, 10)) == 1
        records = await committed(log, unit(append(here, expected=1), append(there, 2, expected=1)))
        assert [(r.log, r.seq) for r in records] == [(here, 2), (there, 2), (there, 3)]


class TestManyUnits:
    async def test_later_units_see_earlier_ones_and_none_aborts_its_neighbours(self, log: EventLog) -> None:
        key, claimed = new_log(), str(uuid4())
        outcomes = await log.append((
            unit(append(key, creates=True, expected=0)),
            unit(append(key, expected=1), claims=(take(claimed, "a"),)),
            unit(append(key, expected=1)),
            unit(append(key, expected=2), claims=(take(claimed, "b"),)),
            unit(append(key, expected=2), claims=(require(claimed, "a"),)),
            unit(append(key, expected=3, closes=True), claims=(release(claimed, "a"), take(claimed, "b"))),
            unit(append(key)),
        ))  # fmt: skip
        assert [type(o) for o in outcomes] == [
            Committed,
            Committed,
            Conflict,
            UnitRefused,
            Committed,
            Committed,
            Conflict,
        ]
        assert outcomes[3] == UnitRefused("claim_held", 0, "a")
        read = await log.read(key.uid, 0, 10)
        assert [r.seq for r in read] == [1, 2, 3, 4]
        assert read == tuple(r for o in outcomes if isinstance(o, Committed) for r in o.records)
        assert await log.claims("test", APP, claimed) == (ClaimRow("test", APP, claimed, "", "b"),)

    async def test_a_room_is_opened_and_filled_in_one_call(self, log: EventLog) -> None:
        keys = [new_log() for _ in range(20)]
        units = [unit(append(key, 2, creates=True)) for key in keys]
        units += [unit(append(keys[i % 20], aggregate="im", body=str(i))) for i in range(100)]
        outcomes = await log.append(tuple(units))
        assert all(isinstance(o, Committed) for o in outcomes)
        for key in keys:
            assert [r.seq for r in await log.read(key.uid, 0, 20)] == [1, 2, 3, 4, 5, 6, 7]


class TestCommandIds:
    async def test_the_same_command_again_gives_the_first_answer(self, log: EventLog) -> None:
        key, other = await opened(log), await opened(log)
        asked = unit(append(key, 2), append(other), answer=b"first")
        await committed(log, asked)
        again = await one(log, msgspec.structs.replace(asked, answer=b"second", appends=()))
        assert again == Duplicate(b"first", ((key.uid, 2), (key.uid, 3), (other.uid, 2)))
        assert len(await log.read(key.uid, 0, 10)) == 3

    async def test_another_body_or_principal_under_the_same_id_is_refused(self, log: EventLog) -> None:
        key = await opened(log)
        asked = unit(append(key))
        await committed(log, asked)
        for other in (msgspec.structs.replace(asked, digest=b"x"), msgspec.structs.replace(asked, principal="x")):
            assert await one(log, other) == UnitRefused("command_id_reused")

    async def test_an_id_belongs_to_its_app(self, log: EventLog) -> None:
        key, command_id = await opened(log), uuid4()
        await committed(log, unit(append(key), command_id=command_id))
        await committed(log, unit(append(key), command_id=command_id, app=APP + 1))

    async def test_within_one_call(self, log: EventLog) -> None:
        key, command_id = await opened(log), uuid4()
        asked = unit(append(key), command_id=command_id)
        first, again, other = await log.append((asked, asked, unit(append(key), command_id=command_id, digest=b"x")))
        assert isinstance(first, Committed)
        assert again == Duplicate(b"answer", ((key.uid, 2),))
        assert other == UnitRefused("command_id_reused")

    async def test_a_command_that_failed_may_be_tried_again(self, log: EventLog) -> None:
        key, command_id = await opened(log), uuid4()
        stale = unit(append(key, expected=7), command_id=command_id)
        fresh = unit(append(key, expected=1), command_id=command_id)
        conflict, done, again = await log.append((stale, fresh, fresh))
        assert isinstance(conflict, Conflict)
        assert isinstance(done, Committed)
        assert isinstance(again, Duplicate)

    async def test_a_command_that_did_nothing_is_remembered_too(self, log: EventLog) -> None:
        asked = unit(answer=b"already so")
        assert await one(log, asked) == Committed(())
        assert await one(log, asked) == Duplicate(b"already so", ())


class TestClaims:
    async def test_take_release_require(self, log: EventLog) -> None:
        key = str(uuid4())
        assert await one(log, unit(claims=(require(key, "a"),))) == UnitRefused("claim_missing", 0, "")
        await committed(log, unit(claims=(take(key, "a"),)))
        await committed(log, unit(claims=(take(key, "a"), require(key, "a"))))
        assert await one(log, unit(claims=(take(key, "b"),))) == UnitRefused("claim_held", 0, "a")
        assert await one(log, unit(claims=(require(key, "b"),))) == UnitRefused("claim_missing", 0, "a")
        await committed(log, unit(claims=(release(key, "b"),)))
        assert await log.claims("test", APP, key) == (ClaimRow("test", APP, key, "", "a"),)
        await committed(log, unit(claims=(release(key, "a"), release(key, "a"))))
        assert await log.claims("test", APP, key) == ()

    async def test_slots_and_their_limit(self, log: EventLog) -> None:
        key = str(uuid4())
        for slot in ("r1", "r2"):
            await committed(log, unit(claims=(take(key, "a", slot=slot, limit=2),)))
        await committed(log, unit(claims=(take(key, "a", slot="r1", limit=2),)))
        assert await one(log, unit(claims=(take(key, "a", slot="r3", limit=2),))) == UnitRefused("claim_limit", 0, "a")
        assert await one(log, unit(claims=(take(key, "b", slot="r3", limit=5),))) == UnitRefused("claim_held", 0, "a")
        assert [row.slot for row in await log.claims("test", APP, key)] == ["r1", "r2"]

    async def test_a_later_refusal_undoes_the_units_earlier_claims(self, log: EventLog) -> None:
        mine, theirs, free = (str(uuid4()) for _ in range(3))
        await committed(log, unit(claims=(take(mine, "a"), take(theirs, "b"))))
        refused = await one(
            log,
            unit(claims=(release(mine, "a"), take(mine, "c"), take(free, "a"), release(free, "a"), take(theirs, "a"))),
        )
        assert refused == UnitRefused("claim_held", 4, "b")
        assert [row.holder for row in await log.claims("test", APP, mine)] == ["a"]
        assert await log.claims("test", APP, free) == ()

    async def test_a_hand_over_in_one_unit(self, log: EventLog) -> None:
        key = str(uuid4())
        await committed(log, unit(claims=(take(key, "old"),)))
        await committed(log, unit(claims=(release(key, "old"), take(key, "new"))))
        assert [row.holder for row in await log.claims("test", APP, key)] == ["new"]

    async def test_a_refused_claim_appends_nothing(self, log: EventLog) -> None:
        key, session = await opened(log), str(uuid4())
        assert await one(log, unit(append(key), claims=(require(session, "s"),))) == UnitRefused("claim_missing", 0, "")
        assert len(await log.read(key.uid, 0, 10)) == 1

    async def test_the_index_is_that_within_the_unit(self, log: EventLog) -> None:
        a, b = str(uuid4()), str(uuid4())
        outcomes = await log.append(
            (unit(claims=(take(a, "x"), take(b, "x"))), unit(claims=(take(str(uuid4()), "y"), take(b, "y"))))
        )
        assert outcomes[1] == UnitRefused("claim_held", 1, "x")

    async def test_only_one_of_many_racers_gets_it(self, log: EventLog) -> None:
        key = str(uuid4())
        outcomes = await asyncio.gather(*(one(log, unit(claims=(take(key, f"h{i}"),))) for i in range(16)))
        assert sum(isinstance(o, Committed) for o in outcomes) == 1
        (row,) = await log.claims("test", APP, key)
        assert {o.holder for o in outcomes if isinstance(o, UnitRefused)} == {row.holder}


class TestDeadlines:
    async def test_set_due_leased_cleared(self, log: EventLog) -> None:
        service = f"s{uuid4()}"
        await committed(log, unit(deadlines=(Deadline(service, "b", 20, b"2"), Deadline(service, "a", 10, b"1"))))
        assert await log.due(service, 9, 10, 100) == ()
        assert await log.due(service, 30, 10, 100) == (
            DueDeadline(service, "a", 10, b"1"),
            DueDeadline(service, "b", 20, b"2"),
        )
        assert await log.due(service, 100, 10, 100) == ()
        assert [d.key for d in await log.due(service, 130, 1, 100)] == ["a"]
        await committed(log, unit(deadlines=(Deadline(service, "a", None), Deadline(service, "never", None))))
        assert [d.key for d in await log.due(service, 500, 10, 100)] == ["b"]

    async def test_set_again_moves_it_and_ends_the_lease(self, log: EventLog) -> None:
        service = f"s{uuid4()}"
        await committed(log, unit(deadlines=(Deadline(service, "a", 10),)))
        await log.due(service, 10, 10, 1_000_000)
        await committed(log, unit(deadlines=(Deadline(service, "a", 15, b"new"),)))
        assert await log.due(service, 20, 10, 100) == (DueDeadline(service, "a", 15, b"new"),)

    async def test_the_last_word_of_a_call_counts(self, log: EventLog) -> None:
        service = f"s{uuid4()}"
        await log.append((
            unit(deadlines=(Deadline(service, "a", 10), Deadline(service, "b", 10))),
            unit(deadlines=(Deadline(service, "a", None), Deadline(service, "b", 5, b"x"), Deadline(service, "c", None))),
            unit(claims=(require(service, "nobody"),), deadlines=(Deadline(service, "b", None),)),
        ))  # fmt: skip
        assert await log.due(service, 99, 10, 100) == (DueDeadline(service, "b", 5, b"x"),)

    async def test_two_askers_never_get_the_same_one(self, log: EventLog) -> None:
        service = f"s{uuid4()}"
        await committed(log, unit(deadlines=tuple(Deadline(service, f"k{i}", i) for i in range(30))))
        answers = await asyncio.gather(*(log.due(service, 100, 10, 1000) for _ in range(6)))
        keys = [d.key for answer in answers for d in answer]
        assert len(keys) == len(set(keys))
        rest = await log.due(service, 100, 100, 1000)
        assert len(keys) + len(rest) == 30


class TestCursors:
    async def test_forward_only(self, log: EventLog) -> None:
        reader = f"r{uuid4()}"
        assert await log.cursor(reader) == {}
        await log.advance(reader, 3, 10)
        await log.advance(reader, 4, 1)
        await log.advance(reader, 3, 7)
        assert await log.cursor(reader) == {3: 10, 4: 1}
