"""Group commit against the memory log: few calls, order, bounds, and what happens while the log or NATS is away."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import msgspec
import pytest
from nats.aio.client import Client

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.kernel.log import Append, AppendUnit, LogKey, LogUnavailable, NewEvent, Outcome
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemIds
from parlour.runtime.deciding import append_queue
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext, CommitResult, Stale
from parlour.runtime.deciding.sealing import open_records
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.telemetry.metrics import Metrics
from parlour.testkit.log import MemoryLog
from parlour.testkit.user_keys import MemoryUserKeyStore

APP = 7


class CountedLog(MemoryLog):
    """Notes the calls; loses the answer of as many as `forgets`, or fails with `breaks` when it sees that principal."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.forgets = 0
        self.breaks = ""

    async def append(self, units: tuple[AppendUnit[NewEvent], ...]) -> tuple[Outcome, ...]:
        self.sizes.append(len(units))
        await asyncio.sleep(0)
        if any(unit.principal == self.breaks for unit in units):
            raise ZeroDivisionError
        outcomes = await super().append(units)
        if self.forgets:
            self.forgets -= 1
            raise LogUnavailable("the answer was lost")
        return outcomes


class Suite(msgspec.Struct):
    """A committer that can't reach NATS: publication fails, commits must not."""

    log: CountedLog
    people: MemoryUserKeyStore
    metrics: Metrics
    committer: Committer


@pytest.fixture
async def suite() -> AsyncIterator[Suite]:
    log, people, metrics = CountedLog(), MemoryUserKeyStore(), Metrics("test")
    bus = Bus(Client(), "test", metrics)
    async with Committer(log, people, bus, queues=1) as committer:
        yield Suite(log, people, metrics, committer)


def call(principal: str = "client:ada") -> CommandContext:
    return CommandContext(APP, "room", str(uuid4()), principal, b"d" * 32)


def opening(to: CommandContext, uid: UUID | None = None) -> tuple[LogKey, AppendUnit]:
    key = LogKey(APP, "room", uid or UUID(SystemIds().uuid7()))
    return key, to.make_unit(Append(key, "room", 0, (ev.RoomOpened(APP, "room"),), creates=True))


async def message(suite: Suite, key: LogKey, text: str) -> AppendUnit:
    actor = await suite.people.actor(APP, "ada")
    return call().make_unit(Append(key, "im", None, (ev.BroadcastSent("s1", actor, text),)))


async def test_one_alone_waits_for_nobody_and_many_share_calls(suite: Suite) -> None:
    key, unit = opening(call())
    await suite.committer.commit(unit)
    assert suite.log.sizes == [1]
    units = [await message(suite, key, str(number)) for number in range(600)]
    done = await asyncio.gather(*(suite.committer.commit(unit) for unit in units))
    assert [view.seq for result in done for view in result.views] == list(range(2, 602))
    assert max(suite.log.sizes) == append_queue.MAX_BATCH_UNITS
    assert len(suite.log.sizes) <= 5


async def test_what_is_read_back_is_what_was_told(suite: Suite) -> None:
    key, unit = opening(call())
    told = list((await suite.committer.commit(unit)).views)
    for text in ("", "hello", "ünïcode"):
        told += (await suite.committer.commit(await message(suite, key, text))).views
    records = await suite.log.read(key.uid, 0, 10)
    assert list(await open_records(suite.people, records)) == told
    assert b"hello" not in b"".join(record.env for record in records)


async def test_nats_away_fails_no_command(suite: Suite) -> None:
    _, unit = opening(call())
    assert (await suite.committer.commit(unit)).views
    assert suite.metrics.registry.get_sample_value("parlour_publish_failures_total") == 1


async def test_a_repetition_names_the_position_in_the_command_s_own_room(suite: Suite) -> None:
    there = LogKey(APP, "another", UUID(SystemIds().uuid7()))
    await suite.committer.commit(
        call().make_unit(Append(there, "room", 0, (ev.RoomOpened(APP, "another"),), creates=True))
    )
    asked = call()
    key, opened = opening(asked)
    elsewhere = Append(there, "im", None, (ev.BroadcastSent("s1", await suite.people.actor(APP, "ada"), "x"),))
    both = msgspec.structs.replace(opened, appends=(*opened.appends, elsewhere))
    first = await suite.committer.commit(both)
    assert first.position.startswith(f"{key.uid}.1.")
    for again in (
        both,
        asked.make_unit(),
        asked.make_unit(elsewhere),
    ):  # as decided first, and as it may be decided by now
        repeated = await suite.committer.commit(again)
        assert repeated.repeated
        assert repeated.position == first.position


async def test_a_lost_answer_is_found_again_and_not_done_twice(suite: Suite) -> None:
    key, unit = opening(call())
    suite.log.forgets = 1
    done = await suite.committer.commit(unit)
    assert done.repeated
    assert [view.type for view in done.views] == [ev.RoomOpened.TAG]
    assert len(await suite.log.read(key.uid, 0, 10)) == 1


async def test_a_log_that_comes_back_in_time_takes_what_waited(suite: Suite) -> None:
    suite.log.available = False
    _, unit = opening(call())
    waiting = asyncio.ensure_future(suite.committer.commit(unit))
    while len(suite.log.sizes) < 2:  # noqa: ASYNC110 the queue signals nobody
        await asyncio.sleep(0)
    assert not waiting.done()
    suite.log.available = True
    assert (await waiting).views


async def test_a_log_that_stays_away_is_told_in_time(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "COMMIT_DEADLINE_S", 0.2)
    suite.log.available = False
    _, unit = opening(call())
    async with asyncio.timeout(2):
        with pytest.raises(LogUnavailable):
            await suite.committer.commit(unit)


async def test_a_units_own_flaw_fails_it_alone(suite: Suite) -> None:
    key, unit = opening(call())
    await suite.committer.commit(unit)
    nobody = call().make_unit(Append(key, "im", None, (ev.BroadcastSent("s1", str(uuid4()), "sealed for nobody"),)))
    broken = msgspec.structs.replace(await message(suite, key, "x"), command_id="no uuid")
    suite.log.breaks = "client:poison"
    poison = msgspec.structs.replace(await message(suite, key, "y"), principal="client:poison")
    good = await message(suite, key, "good")
    results = await asyncio.gather(
        *(suite.committer.commit(unit) for unit in (nobody, broken, poison, good)), return_exceptions=True
    )
    assert [type(result) for result in results] == [Rejection, ValueError, ZeroDivisionError, CommitResult]


async def test_a_queue_has_an_end(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_queue, "MAX_WAITING_UNITS", 3)
    key, unit = opening(call())
    await suite.committer.commit(unit)
    units = [await message(suite, key, str(number)) for number in range(10)]
    results = await asyncio.gather(*(suite.committer.commit(unit) for unit in units), return_exceptions=True)
    assert [isinstance(result, CommitResult) for result in results] == [True] * 3 + [False] * 7
    assert all(isinstance(result, LogUnavailable) for result in results[3:])


async def test_versions_and_command_ids_say_no(suite: Suite) -> None:
    to = call()
    key, unit = opening(to)
    await suite.committer.commit(unit)
    with pytest.raises(Stale):
        await suite.committer.commit(opening(call(), key.uid)[1])
    with pytest.raises(Rejection) as refused:
        await suite.committer.commit(msgspec.structs.replace(unit, digest=b"e" * 32))
    assert refused.value.problem.code == Code.COMMAND_ID_REUSED
    again = await suite.committer.find_result(to)
    assert again is not None
    assert again.repeated
    assert await suite.committer.find_result(call()) is None


async def test_who_gave_up_is_not_appended_for_nothing(suite: Suite) -> None:
    key, unit = opening(call())
    first = asyncio.ensure_future(suite.committer.commit(unit))
    second = asyncio.ensure_future(suite.committer.commit(await message(suite, key, "given up")))
    await asyncio.sleep(0)
    second.cancel()
    await first
    assert len(await suite.log.read(key.uid, 0, 10)) == 1
