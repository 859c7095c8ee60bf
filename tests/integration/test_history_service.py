"""Calls of the past, asked of the record service on real NATS and Postgres."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import msgspec
import pytest

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts import history as h
from parlour.contracts.codes import Code
from parlour.contracts.queries import Snapshot, SnapshotQuery
from parlour.kernel.rejection import Rejection
from parlour.runtime.postgres import create_pool
from parlour.testkit.harness.history import HistoryHarness, Running, running_history
from parlour.testkit.units import APP, new_log
from parlour.testkit.waiting import eventually


@pytest.fixture
async def harness(
    environment: Callable[[str], dict[str, str]], running: Running, postgres: str
) -> AsyncIterator[HistoryHarness]:
    async with running_history(environment, postgres) as made, running("record", PARLOUR_RECORD_HISTORY_POLL_MS="20"):
        yield made


async def test_a_call_is_told_as_it_was(harness: HistoryHarness) -> None:
    key = await harness.call("a.room>", says=3)
    call = await harness.until_known(key)
    assert (call.room, call.reason, call.participants, call.streams, call.plays) == ("a.room>", "empty", 2, 1, 1)
    assert (call.kicks, call.broadcasts, call.peak, call.seq) == (1, 3, 2, 13)
    one: h.OneCall = await harness.ask("call", h.CallQuery(str(key.uid)), h.OneCall)
    assert one.call == call
    assert [(p.user_id, p.kicks, p.messages) for p in one.participants] == [("ann", 0, 0), ("bob", 1, 3)]
    told = await harness.timeline(key)
    assert [(s.user_id, s.user_name, s.how, s.reason) for s in told.sessions] == [
        ("ann", "Ann", "left", "logout"), ("bob", "Bob", "kicked", "rude")
    ]  # fmt: skip
    assert [(s.stream_id, s.user_id, s.code, s.codec, s.nodes) for s in told.streams] == [
        ("cam", "ann", 1, "VP8", ("relay-1",))
    ]
    assert [(p.user_id, p.by_user_id, p.reason, p.started_seq, p.stopped_seq) for p in told.plays] == [
        ("bob", "ann", "left", 5, 10)
    ]
    assert sum(count.broadcasts for count in told.messages) == 3
    assert told.next == ""
    views: h.Views = await harness.ask("views", h.ViewsQuery(str(key.uid), "cam", "bob"), h.Views)
    assert views.views == told.plays
    assert not (await harness.ask("views", h.ViewsQuery(str(key.uid), "cam", "ann"), h.Views)).views


async def test_a_call_under_way_is_the_live_state(harness: HistoryHarness) -> None:
    key = await harness.call(closes=False)
    call = await harness.until_known(key)
    assert call.ended_at is None
    told = await harness.timeline(key)
    state = (await harness.ask("snapshot", SnapshotQuery(str(key.uid)), Snapshot, key.room)).state
    assert (
        [s.session_id for s in told.sessions if s.left_at is None]
        == [user.session_id for user in state.users]
        == ["sa"]
    )
    assert (
        [s.stream_id for s in told.streams if s.removed_at is None] == [s.stream_id for s in state.streams] == ["cam"]
    )
    assert (call.at, call.broadcasts) == (state.at, state.messages)


async def test_pages_make_the_whole(harness: HistoryHarness) -> None:
    key = await harness.call(says=2)
    await harness.until_known(key)
    whole = await harness.timeline(key)
    parts = {"sessions": [], "streams": [], "plays": [], "messages": []}
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page = await harness.timeline(key, cursor=cursor, limit=1)
        for name, rows in parts.items():
            rows.extend(getattr(page, name))
        cursor, pages = page.next, pages + 1
    assert pages >= 5
    assert all(tuple(rows) == getattr(whole, name) for name, rows in parts.items())


async def test_lists_by_room_user_and_time(harness: HistoryHarness) -> None:
    room = new_log().room
    keys = [await harness.call(room) for _ in range(5)]
    newest = await harness.until_known(keys[-1])
    uids = [str(key.uid) for key in reversed(keys)]
    assert [call.room_uid for call in (await harness.calls(room)).calls] == uids
    first = await harness.calls(room, limit=2)
    second = await harness.calls(room, limit=2, cursor=first.next)
    third = await harness.calls(room, limit=2, cursor=second.next)
    assert [call.room_uid for page in (first, second, third) for call in page.calls] == uids
    assert third.next == ""
    assert [call.room_uid for call in (await harness.calls("", user="bob")).calls[:5]] == uids
    assert [call.room_uid for call in (await harness.calls(room, user="bob", limit=1)).calls] == uids[:1]
    assert (await harness.calls(room, user="nobody")).calls == ()
    assert (await harness.calls(room, from_at=newest.started_at)).calls == (newest,)
    assert [c.room_uid for c in (await harness.calls(room, to_at=newest.started_at)).calls] == uids[1:]


async def test_a_call_of_another_room_is_none(harness: HistoryHarness) -> None:
    key = await harness.call()
    await harness.until_known(key)
    for what, query, answer in (
        ("call", h.CallQuery(str(key.uid)), h.OneCall),
        ("timeline", h.TimelineQuery(str(key.uid)), h.Timeline),
        ("views", h.ViewsQuery(str(key.uid)), h.Views),
    ):
        with pytest.raises(Rejection) as other:
            await harness.ask(what, query, answer, "another")
        with pytest.raises(Rejection) as never:
            await harness.ask(what, msgspec.structs.replace(query, room_uid=str(uuid4())), answer, "another")
        assert other.value.problem == never.value.problem
        assert other.value.problem.code == Code.NOT_FOUND
    with pytest.raises(Rejection) as nonsense:
        await harness.calls(cursor="latest")
    assert (nonsense.value.problem.code, nonsense.value.problem.field) == (Code.PARAMETER, "cursor")


async def test_what_no_column_can_hold_stops_nothing(harness: HistoryHarness) -> None:
    key = new_log()
    eva = await harness.people.actor(APP, "eva")
    await harness.write(
        key, ev.RoomOpened(APP, key.room), ev.UserJoined("s", eva, "eva", "E\0a"), ev.StreamAdded("cam", "s", eva, "n\0", "t"),
        ev.StreamRemoved("cam", "s", eva, -(2**40)), ev.UserKicked("s", eva, 2**40, "too\0loud"),
    )  # fmt: skip
    await harness.until_known(key)
    told = await harness.timeline(key)
    assert [(s.user_name, s.reason, s.code) for s in told.sessions] == [("E\0a", "too\ufffdloud", 2**31 - 1)]
    assert [(s.nodes, s.code) for s in told.streams] == [(("n\ufffd",), -(2**31 - 1))]


async def test_who_is_erased_shows_erased(harness: HistoryHarness, postgres: str, running: Running) -> None:
    key = new_log()
    eve = await harness.people.actor(APP, "eve")
    await harness.write(key, ev.RoomOpened(APP, key.room), ev.UserJoined("se", eve, "eve", "Eve"))
    await harness.until_known(key)
    async with await create_pool(postgres, name="owner") as pool:
        await pool.execute("DELETE FROM parlour.person WHERE actor = $1::uuid", eve)
    # another process, which has not remembered the key
    told = await harness.timeline(key)
    assert [(s.actor, s.user_id, s.user_name) for s in told.sessions] == [(eve, "", "")]
    assert (await harness.calls(user="eve")).calls == ()


async def test_a_rebuild_answers_meanwhile_and_changes_nothing(harness: HistoryHarness) -> None:
    key = await harness.call()
    call = await harness.until_known(key)
    before = await harness.timeline(key)
    (old,) = (await harness.history(cmd.DescribeHistory())).generations
    begun = (await harness.history(cmd.RebuildHistory())).generations
    assert [one.number for one in begun] == [old.number, old.number + 1]
    assert (await harness.history(cmd.RebuildHistory())).generations[-1].number == old.number + 1

    async def changed() -> bool:
        assert (await harness.calls(key.room)).calls == (call,)
        return [one.number for one in (await harness.history(cmd.DescribeHistory())).generations if one.active] != [
            old.number
        ]

    await eventually(changed)
    assert await harness.timeline(key) == before


async def test_only_an_operator_rebuilds(harness: HistoryHarness) -> None:
    request = cmd.Request(str(uuid4()), cmd.Caller("ann", "s"), cmd.RebuildHistory())
    with pytest.raises(Rejection) as refused:
        await harness.bus.ask(1, "record", "", "rebuild_history", request)
    assert refused.value.problem.code == Code.FORBIDDEN
