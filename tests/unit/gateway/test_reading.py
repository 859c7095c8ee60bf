"""What readers outside get: every number once and in order, and no more than they may see, whatever the tail holds."""

import asyncio
import csv
import io
import json
import sys
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.gateway.app.delivery.cursor import Cursor
from parlour.gateway.app.delivery.feed import RoomFeed
from parlour.gateway.domain.encoded_event import HASH8_BEFORE_FIRST, EncodedEvent
from parlour.gateway.domain.formats import FORMATS, format_of
from parlour.gateway.domain.frame_batch import Skip, merge_skips
from parlour.gateway.domain.read_scope import ReadScope, check_types, matches_types, scope_of_user
from parlour.gateway.domain.room_mirror import BUFFER_EVENTS, RoomMirror
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import empty_room
from parlour.testkit.story import Story

ANN, BOB = "actor-ann", "actor-bob"
KINDS = st.sampled_from(["said", "named", "audit"])


def a_story(kinds: list[str]) -> Story:
    story = Story()
    story.opened()
    story.joined("ann")
    for kind in kinds:
        match kind:
            case "named":
                story.tell(ev.CommandSent("s-ann", ANN, "psst", (BOB,)))
            case "audit":
                story.tell(ev.UserSuspended("s-ann", ANN))
            case _:
                story.said("ann", "all")
    return story


def encoded(views: list[EventView]) -> list[EncodedEvent]:
    return [EncodedEvent(view) for view in views]


@given(st.lists(KINDS, max_size=12), st.sampled_from(["server", "auditor", "ann", "bob", "cat"]), st.booleans())
def test_every_number_comes_once_and_in_order(kinds: list[str], who: str, filtered: bool) -> None:
    story = a_story(kinds)
    scope = (
        ReadScope(audit=who == "auditor")
        if who in ("server", "auditor")
        else ReadScope(False, f"actor-{who}", story.room_uid, 2)
    )
    scope = msgspec.structs.replace(scope, types=("im",) if filtered else ())
    items = merge_skips(encoded(story.views), scope)
    told: list[int] = []
    for item in items:
        told += [item.view.seq] if isinstance(item, EncodedEvent) else range(item.first, item.to + 1)
    assert told == [view.seq for view in story.views]
    assert not [1 for one, two in pairwise(items) if isinstance(one, Skip) and isinstance(two, Skip)]
    seen = [item.view for item in items if isinstance(item, EncodedEvent)]
    assert all(view.type.startswith("im.") for view in seen) or not filtered
    if who != "auditor":
        assert not [view for view in seen if view.audience == ev.Audience.AUDIT]
    if who in ("server", "cat"):
        assert not [view for view in seen if view.audience == ev.Audience.NAMED]
    elif not filtered:
        assert len([v for v in seen if v.audience == ev.Audience.NAMED]) == kinds.count("named")


def test_a_member_reads_from_its_own_joining_on() -> None:
    story = a_story([])
    story.joined("bob")
    scope = scope_of_user(story.state(), "bob")
    assert scope is not None
    assert [isinstance(item, EncodedEvent) for item in merge_skips(encoded(story.views), scope)] == [False, True]
    assert scope_of_user(story.state(), "cat") is None
    assert scope_of_user(None, "bob") is None
    older = Story(call=2)
    assert not scope.may_read(EncodedEvent(older.opened())), "nor another call of the room"


@pytest.mark.parametrize(
    ("types", "taken"), [((), True), (("room",), True), (("room.opened",), True), (("roo",), False), (("im",), False)]
)
def test_filters_take_families_whole(types: tuple[str, ...], taken: bool) -> None:
    assert matches_types(types, "room.opened.v1") is taken


def mirrored(story: Story, since: int = 0) -> RoomMirror:
    """A mirror that took a snapshot at a number and heard what followed."""
    mirror = RoomMirror(story.state(since) if since else empty_room(story.app, story.room, story.room_uid))
    for view in story.views[since:]:
        mirror.apply(view)
    return mirror


@given(st.lists(KINDS, max_size=20), st.integers(0, 22), st.integers(0, 22))
def test_a_buffer_gives_what_follows_or_says_that_it_does_not_know(kinds: list[str], since: int, place: int) -> None:
    story = a_story(kinds)
    buffer = mirrored(story, min(since, len(story.views))).buffer
    last = len(story.views)
    at = min(place, last)
    position = Position(story.room_uid, at, story.state(at).hash[:16])
    found = buffer.after(position)
    if at == last:
        assert found == []
    elif at >= since:
        assert [one.seq for one in found or ()] == list(range(at + 1, last + 1))
        assert [one.seq for one in buffer.after(position, 2) or ()] == list(range(at + 1, last + 1))[:2]
    else:
        assert found is None
    assert buffer.after(Position(story.room_uid, at, "f" * 16)) is None, "that is the record's to judge"
    assert buffer.after(Position(Story(call=2).room_uid, at, position.hash8)) is None, "nor is another call's"


async def test_a_room_that_skipped_ahead_sends_its_readers_to_the_record() -> None:
    story = a_story(["said"])
    feed, woken = RoomFeed(story.app, story.room, story, lambda member, ending: None), asyncio.Event()
    feed.followers.add(woken)
    feed.wakers.add(woken)
    feed.receive(story.views[0])
    assert woken.is_set()
    feed.mirror = mirrored(story, 2)
    cursor = Cursor(story, 1, "r", Position(story.room_uid, 1, story.views[0].hash[:16]), feed)
    assert cursor.peek_buffer(9) is None
    assert [one.seq for one in (await cursor.fetch(9)).events] == [2, 3]


def test_a_buffer_is_bounded() -> None:
    story = a_story(["said"] * (BUFFER_EVENTS + 10))
    buffer = mirrored(story).buffer
    assert buffer.after(Position(story.room_uid, 0, HASH8_BEFORE_FIRST)) is None
    floor = len(story.views) - BUFFER_EVENTS
    assert len(buffer.after(Position(story.room_uid, floor, story.views[floor - 1].hash[:16])) or ()) == BUFFER_EVENTS


def test_a_buffer_that_is_cleared_continues_its_end_alone() -> None:
    story = a_story(["said"])
    buffer = mirrored(story).buffer
    end = buffer.end
    buffer.clear()
    assert buffer.after(end) == []
    assert buffer.after(Position(story.room_uid, 1, story.views[0].hash[:16])) is None


def test_a_spreadsheet_is_given_no_formulas() -> None:
    story = Story()
    story.tell(ev.UserJoined("s", "=cmd", "=cmd", "n"))
    body = FORMATS["csv"].body(encoded(story.views), "p", False).decode()
    (row,) = csv.DictReader(io.StringIO(body))
    assert (row["actor"], row["userID"]) == ("'=cmd", "'=cmd")


@pytest.mark.parametrize("said", ["=cmd", "'=cmd", "''", "plain", "-1", "@x"])
def test_what_was_put_before_a_cell_can_be_taken_off_again(said: str) -> None:
    story = Story()
    story.tell(ev.UserJoined("s", said, said, "n"))
    (row,) = csv.DictReader(io.StringIO(FORMATS["csv"].body(encoded(story.views), "p", False).decode()))
    assert row["actor"].removeprefix("'") == said


def test_parquet_has_numbers_and_times() -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    story = a_story(["said"])
    table: Any = parquet.read_table(io.BytesIO(FORMATS["parquet"].body(encoded(story.views), "p", False)))
    assert {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)} == {
        "position": "string", "at": "timestamp[us, tz=UTC]", "type": "string", "userID": "string", "actor": "string",
        "data": "string", "seq": "int64",
    }  # fmt: skip
    assert table.column("seq").to_pylist() == [view.seq for view in story.views]


@pytest.mark.parametrize("known", ["room", "im.broadcast_sent", "stream.added.v1"])
def test_a_filter_is_taken_if_an_event_can_pass(known: str) -> None:
    assert check_types((known,)) == (known,)


@pytest.mark.parametrize("unknown", ["nonsense", "room.nothing", "room.user_joined.v99", "roo"])
def test_a_filter_that_nothing_can_pass_is_refused_with_the_types_that_there_are(unknown: str) -> None:
    with pytest.raises(Rejection) as caught:
        check_types(("room", unknown))
    assert caught.value.problem.field == "types"
    assert "room.user_joined.v1" in caught.value.problem.limit


def test_what_has_no_form_says_which_there_are() -> None:
    with pytest.raises(Rejection) as caught:
        format_of("xml")
    assert "jsonl" in caught.value.problem.limit


def test_without_its_library_parquet_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Rejection) as caught:
        FORMATS["parquet"].body(encoded(a_story(["said"]).views), "p", False)
    assert caught.value.problem.field == "format"
    assert "parlour-gateway[parquet]" in caught.value.problem.hint


def test_an_event_is_encoded_once_for_all() -> None:
    (one, *_) = encoded(a_story([]).views)
    assert one.json is one.json
    assert json.loads(one.json)["roomUID"] == one.view.room_uid
