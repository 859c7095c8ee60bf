"""What those who ask for a call are told once it is in a file and no longer in the database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest

from parlour.cli.operator.connection import send_query
from parlour.contracts import commands as cmd
from parlour.contracts import history as h
from parlour.contracts import proofs, queries
from parlour.contracts.codes import Code
from parlour.contracts.retention import Retention, RetentionQuery, RunRetention
from parlour.kernel.log import LogKey
from parlour.kernel.rejection import Rejection
from parlour.runtime.http import status_of
from parlour.testkit.harness.history import HistoryHarness, Running, running_history
from parlour.testkit.harness.retention import RetentionHarness, running_retention
from parlour.testkit.waiting import eventually

Environment = Callable[[str], dict[str, str]]
OFTEN = {"PARLOUR_RECORD_HISTORY_POLL_MS": "20", "PARLOUR_RECORD_CHECKPOINT_S": "0.2"}


class Desks(NamedTuple):
    """Asks, and drops."""

    history: HistoryHarness
    retention: RetentionHarness


@pytest.fixture
async def desks(environment: Environment, postgres: str, running: Running) -> AsyncIterator[Desks]:
    async with AsyncExitStack() as stack:
        history = await stack.enter_async_context(running_history(environment, postgres))
        retention = await stack.enter_async_context(running_retention(environment, postgres))
        await stack.enter_async_context(running("record", **OFTEN))
        yield Desks(history, retention)


async def dropped(desks: Desks, key: LogKey) -> str:
    """Does rounds until the call's month is dropped, which waits for all who follow the record; the file."""
    rounds = desks.retention.rounds()

    async def gone() -> bool:
        await rounds.round()
        return await desks.retention.here(key) == 0

    await eventually(gone)
    return (await rounds.status()).archives[0].file


async def test_every_way_to_ask_names_the_file(desks: Desks) -> None:
    harness = desks.history
    key = await harness.call()
    await harness.until_known(key)
    await send_query(harness.bus, "stored", proofs.StoredQuery(str(key.uid), by="an auditor"), proofs.StoredPage)
    file = await dropped(desks, key)
    uid = str(key.uid)
    questions: list[tuple[str, Any, type[Any], str]] = [
        ("call", h.CallQuery(uid), h.OneCall, ""), ("timeline", h.TimelineQuery(uid), h.Timeline, key.room),
        ("views", h.ViewsQuery(uid), h.Views, ""), ("replay", queries.ReplayQuery(uid), queries.Replay, key.room),
        ("snapshot", queries.SnapshotQuery(uid), queries.Snapshot, key.room),
    ]  # fmt: skip
    for what, question, answer, room in questions:
        with pytest.raises(Rejection, match=file) as refused:
            await harness.ask(what, question, answer, room)
        assert refused.value.problem.code == Code.ARCHIVED
    with pytest.raises(Rejection, match=file):
        await send_query(harness.bus, "stored", proofs.StoredQuery(uid), proofs.StoredPage)
    assert status_of(Code.ARCHIVED) == 410
    for what, question, answer in (
        ("call", h.CallQuery(uid), h.OneCall),
        ("replay", queries.ReplayQuery(uid), queries.Replay),
    ):
        with pytest.raises(Rejection) as refused:
            await harness.ask(what, question, answer, "another room")
        assert refused.value.problem.code == Code.NOT_FOUND

    calls = await harness.calls(key.room)
    assert (calls.calls, [(one.file, one.calls) for one in calls.archived]) == ((), [(file, 1)])
    assert not (await harness.calls("another room")).archived
    assert not (await harness.calls(key.room, user="ann")).archived
    taken = (await send_query(harness.bus, "exports", proofs.ExportsQuery(uid), proofs.Exports)).exports
    assert [(one.by, one.room) for one in taken] == [("an auditor", key.room)]


async def test_the_room_opens_again_and_a_rebuild_agrees(desks: Desks) -> None:
    harness = desks.history
    key = await harness.call()
    await harness.until_known(key)
    file = await dropped(desks, key)
    again = await harness.call(key.room)
    await harness.until_known(again)
    (old,) = [one for one in (await harness.history(cmd.RebuildHistory())).generations if one.active]

    async def rebuilt() -> bool:
        found = (await harness.history(cmd.DescribeHistory())).generations
        return any(one.active and one.number != old.number for one in found)

    await eventually(rebuilt)
    calls = await harness.calls(key.room)
    assert [call.room_uid for call in calls.calls] == [str(again.uid)]
    assert [one.file for one in calls.archived] == [file]


async def test_an_operator_sees_that_everything_is_kept(desks: Desks) -> None:
    status = await send_query(desks.history.bus, "retention", RetentionQuery(), Retention)
    assert (status.keep_months, status.running, [month.due for month in status.months if month.due]) == (0, False, [])
    with pytest.raises(Rejection, match="kept for ever"):
        await send_query(desks.history.bus, "run_retention", RunRetention("Jo"), Retention)
