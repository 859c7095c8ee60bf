"""What readers outside get: every number once and in order, and no more than they may see, whatever the tail holds."""

import asyncio
import csv
import io
import json
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.gateway.app.feed import Feed
from parlour.gateway.app.tails import LENGTH, Tail
from parlour.gateway.domain.formats import FORMATS, format_of
from parlour.gateway.domain.reading import NOBODY_BEFORE, Kept, Sight, Skip, check_types, sift, sight_of_member, wanted
from parlour.kernel.rejection import Rejection
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


def kept(views: list[EventView]) -> list[Kept]:
    return [Kept(view) for view in views]


@given(st.lists(KINDS, max_size=12), st.sampled_from(["server", "auditor", "ann", "bob", "cat"]), st.booleans())
def test_every_number_comes_once_and_in_order(kinds: list[str], who: str, filtered: bool) -> None:
    story = a_story(kinds)
    sight = (
        Sight(audit=who == "auditor")
        if who in ("server", "auditor")
        else Sight(False, f"actor-{who}", story.room_uid, 2)
    )
    items = sift(kept(story.views), sight, ("im",) if filtered else ())
    told: list[int] = []
    for item in items:
        told += [item.view.seq] if isinstance(item, Kept) else range(item.first, item.to + 1)
    assert told == [view.seq for view in story.views]
    assert not [1 for one, two in pairwise(items) if isinstance(one, Skip) and isinstance(two, Skip)]
    seen = [item.view for item in items if isinstance(item, Kept)]
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
    sight = sight_of_member(story.state(), "bob")
    assert sight is not None
    assert [isinstance(item, Kept) for item in sift(kept(story.views), sight, ())] == [False, True]
    assert sight_of_member(story.state(), "cat") is None
    assert sight_of_member(None, "bob") is None
    older = Story(life=2)
    assert not sight.sees(older.opened()), "nor another life of the room"


@pytest.mark.parametrize(
    ("types", "taken"), [((), True), (("room",), True), (("room.opened",), True), (("roo",), False), (("im",), False)]
)
def test_filters_take_families_whole(types: tuple[str, ...], taken: bool) -> None:
    assert wanted(types, "room.opened.v1") is taken


@given(st.lists(KINDS, max_size=20), st.integers(0, 22), st.integers(0, 22))
async def test_a_tail_gives_what_follows_or_says_that_it_does_not_know(
    kinds: list[str], since: int, place: int
) -> None:
    story = a_story(kinds)
    feed = Feed(story.app, story.room, story, lambda seat, ending: None)
    tail = Tail(feed)
    for view in story.views:
        feed.receive(view)
        if view.seq > since:
            tail.add(view, b"")
    last = len(story.views)
    at = min(place, last)
    position = Position(story.room_uid, at, story.state(at).hash[:16])
    found = tail.after(position)
    if at == last:
        assert found == ()
    elif at >= since:
        assert [one.view.seq for one in found or ()] == list(range(at + 1, last + 1))
    else:
        assert found is None
    wrong = tail.after(Position(story.room_uid, at, "f" * 16))
    assert wrong is None, "a place that is not ours is the record's to judge"


async def test_a_tail_that_the_room_left_behind_sends_its_readers_to_the_record() -> None:
    story = a_story(["said"])
    feed = Feed(story.app, story.room, story, lambda seat, ending: None)
    tail, woken = Tail(feed), asyncio.Event()
    tail.readers.add(woken)
    feed.taps.append(tail.add)
    feed.receive(story.views[0])
    assert woken.is_set()
    feed.taps.clear()
    for view in story.views[1:]:
        feed.receive(view)
    assert tail.after(Position(story.room_uid, 1, story.views[0].hash[:16])) is None


async def test_a_tail_is_bounded() -> None:
    story = a_story(["said"] * (LENGTH + 10))
    feed = Feed(story.app, story.room, story, lambda seat, ending: None)
    tail = Tail(feed)
    for view in story.views:
        feed.receive(view)
        tail.add(view, b"")
    assert tail.after(Position(story.room_uid, 0, NOBODY_BEFORE)) is None
    floor = len(story.views) - LENGTH
    assert len(tail.after(Position(story.room_uid, floor, story.views[floor - 1].hash[:16])) or ()) == LENGTH


def test_a_spreadsheet_is_given_no_formulas() -> None:
    story = Story()
    story.tell(ev.UserJoined("s", "=cmd", "=cmd", "n"))
    body = FORMATS["csv"].body(kept(story.views), "p", False).decode()
    (row,) = csv.DictReader(io.StringIO(body))
    assert (row["actor"], row["userID"]) == ("'=cmd", "'=cmd")


@pytest.mark.parametrize("said", ["=cmd", "'=cmd", "''", "plain", "-1", "@x"])
def test_what_was_put_before_a_cell_can_be_taken_off_again(said: str) -> None:
    story = Story()
    story.tell(ev.UserJoined("s", said, said, "n"))
    (row,) = csv.DictReader(io.StringIO(FORMATS["csv"].body(kept(story.views), "p", False).decode()))
    assert row["actor"].removeprefix("'") == said


def test_parquet_has_numbers_and_times() -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    story = a_story(["said"])
    table: Any = parquet.read_table(io.BytesIO(FORMATS["parquet"].body(kept(story.views), "p", False)))
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
        FORMATS["parquet"].body(kept(a_story(["said"]).views), "p", False)
    assert caught.value.problem.field == "format"
    assert "parlour-gateway[parquet]" in caught.value.problem.hint


def test_an_event_is_encoded_once_for_all() -> None:
    (one, *_) = kept(a_story([]).views)
    assert one.json is one.json
    assert json.loads(one.json)["roomUID"] == one.view.room_uid
