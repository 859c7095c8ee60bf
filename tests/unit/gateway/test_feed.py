"""A room's feed: every event once and in order, or a word that it is not; gaps mended from the record."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.queries import RoomHead
from parlour.gateway.app.feed import Feed
from parlour.gateway.app.seat import Seat, Session
from parlour.gateway.domain.mirror import Ending
from parlour.gateway.domain.outbox import Outbox
from parlour.testkit.story import Story


class Client:
    """A seat with its queue; `frames` is what the client would have received."""

    def __init__(self, feed: Feed, user: str) -> None:
        self.outbox = Outbox()
        self.closed = 0
        self.news = asyncio.Event()
        self.session = Session(f"s-{user}", feed.app, client.Face(user))
        self.session.channel = self
        self.seat = Seat(self.session, feed.room, f"actor-{user}")
        feed.seats[self.session.session_id] = self.seat

    def put(self, text: str, *more: str) -> None:
        self.outbox.put(text, *more)
        self.news.set()

    async def queued(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.outbox) < count:
                self.news.clear()
                await self.news.wait()

    def skip(self, room_id: str, first: int, to: int, pos: str) -> None:
        self.outbox.skip(room_id, first, to, pos)

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def frames(self) -> list[dict[str, Any]]:
        return [json.loads(self.outbox.take()) for _ in range(len(self.outbox))]


class Rig:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.endings: list[Ending] = []
        self.feed = Feed(story.app, story.room, story, lambda seat, ending: self.endings.append(ending))


def a_room(*users: str) -> Rig:
    story = Story()
    rig = Rig(story)
    rig.feed.receive(story.opened())
    for user in users:
        rig.feed.receive(story.joined(user))
    return rig


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    """The seqs that frames cover, in their order."""
    found: list[int] = []
    for frame in frames:
        if frame["t"] == "ev":
            found.append(frame["seq"])
        elif frame["t"] == "skip":
            found.extend(range(frame["from"], frame["to"] + 1))
    return found


async def until(feed: Feed, story: Story) -> None:
    await feed.reach(story.room_uid, len(story.views))


async def test_events_arrive_once_and_in_order() -> None:
    rig = a_room("ann", "bob")
    ann = Client(rig.feed, "ann")
    first, second = rig.story.said("bob", "1"), rig.story.said("bob", "2")
    for view in (second, first, first, second):
        rig.feed.receive(view)
    frames = ann.frames()
    assert numbers(frames) == [4, 5]
    assert frames[0]["user"] == {"userID": "bob", "userName": "Bob"}
    assert frames[0]["prev"] == rig.story.views[2].hash[:16]
    assert rig.story.asked == [], "nothing was missing"
    rig.feed.close()


async def test_a_gap_is_fetched_before_anything_later() -> None:
    rig = a_room("ann", "bob")
    ann = Client(rig.feed, "ann")
    rig.story.said("bob", "lost")
    rig.feed.receive(rig.story.said("bob", "later"))
    assert ann.frames() == []
    await until(rig.feed, rig.story)
    assert numbers(ann.frames()) == [4, 5]


async def test_a_lost_last_event_is_noticed_by_the_beacon() -> None:
    rig = a_room("ann")
    ann = Client(rig.feed, "ann")
    lost = rig.story.joined("bob")
    rig.feed.beacon(RoomHead(1, "r", rig.story.room_uid, lost.seq, lost.hash[:16]))
    await until(rig.feed, rig.story)
    assert numbers(ann.frames()) == [lost.seq]


async def test_audit_events_arrive_as_merged_skips() -> None:
    rig = a_room("ann", "bob")
    ann = Client(rig.feed, "ann")
    rig.feed.receive(rig.story.tell(ev.UserSuspended("s-bob", "actor-bob")))
    rig.feed.receive(rig.story.tell(ev.UserResumed("s-bob", "actor-bob")))
    (skip,) = ann.frames()
    assert (skip["t"], skip["from"], skip["to"]) == ("skip", 4, 5)
    assert skip["pos"].endswith(f".5.{rig.story.views[4].hash[:16]}")


async def test_a_named_message_reaches_its_addressees_and_its_sender_alone() -> None:
    rig = a_room("ann", "bob", "eve")
    ann, bob, eve = (Client(rig.feed, user) for user in ("ann", "bob", "eve"))
    rig.feed.receive(rig.story.tell(ev.CommandSent("s-ann", "actor-ann", "psst", ("actor-bob",))))
    rig.feed.receive(rig.story.tell(ev.CommandSent("s-ann", "actor-ann", "all", ())))
    assert [f["t"] for f in ann.frames()] == ["ev", "ev"]
    assert [f["t"] for f in bob.frames()] == ["ev", "ev"]
    frames = eve.frames()
    assert [f["t"] for f in frames] == ["skip", "ev"]
    assert "psst" not in json.dumps(frames)


async def test_a_kick_ends_the_seat_and_nothing_follows() -> None:
    rig = a_room("ann", "bob")
    ann, bob = Client(rig.feed, "ann"), Client(rig.feed, "bob")
    rig.feed.receive(rig.story.tell(ev.UserKicked("s-bob", "actor-bob", 1002050, "login elsewhere")))
    rig.feed.receive(rig.story.said("ann", "is he gone?"))
    assert bob.frames() == []
    assert rig.endings == [Ending("s-bob", 1002050, "login elsewhere")]
    frames = ann.frames()
    assert numbers(frames) == [4, 5]
    assert frames[0]["user"] == {"userID": "bob", "userName": "Bob"}


async def test_the_end_of_a_life_ends_all_and_the_next_life_is_followed() -> None:
    rig = a_room("ann")
    Client(rig.feed, "ann")
    rig.feed.receive(rig.story.tell(ev.RoomClosed("empty")))
    assert rig.feed.seats == {}
    again = Story(life=2)
    rig.feed.receive(again.opened())
    rig.feed.receive(again.joined("ann"))
    mirror = await rig.feed.reach(again.room_uid, 2)
    assert mirror.state.users[0].user_id == "ann"
    rig.feed.receive(rig.story.views[0])
    assert rig.feed.mirror is mirror, "an older life is over for good"


async def test_a_feed_opened_in_the_middle_takes_a_snapshot_then_the_tail() -> None:
    story = Story()
    story.opened()
    story.joined("ann")
    rig = Rig(story)
    rig.feed.receive(story.joined("bob"))
    mirror = await rig.feed.reach(story.room_uid, 3)
    assert [u.user_id for u in mirror.state.users] == ["ann", "bob"]
    assert mirror.state == story.state()


async def test_another_history_than_the_record_s_is_replaced() -> None:
    story = Story()
    rig = Rig(story)
    rig.feed.receive(story.opened())
    rig.feed.receive(story.joined("ann"))
    ann = Client(rig.feed, "ann")
    other = Story()
    other.opened()
    other.joined("bob")
    truth = story.joined("carl")
    false = msgspec.structs.replace(truth, prev=other.views[1].hash)
    rig.feed.receive(false)
    await ann.queued(2)
    frames = ann.frames()
    assert [f["t"] for f in frames] == ["resync", "snap"]
    assert [u["userID"] for u in frames[1]["users"]] == ["carl"]


async def test_reach_gives_up_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    from parlour.gateway.app import feed as module
    from parlour.kernel.rejection import Rejection

    monkeypatch.setattr(module, "REACH_WITHIN_S", 0.05)
    rig = a_room("ann")
    with pytest.raises(Rejection):
        await rig.feed.reach(rig.story.room_uid, 99)
    rig.feed.close()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_nats_does_each_seat_gets_each_event_once_in_order(data: st.DataObject) -> None:
    async def run() -> None:
        rig = a_room("ann", "bob")
        ann = Client(rig.feed, "ann")
        for n in range(data.draw(st.integers(1, 8))):
            rig.story.said("bob", str(n))
        tail = rig.story.views[3:]
        arrivals = data.draw(st.lists(st.sampled_from(tail), max_size=16))
        for view in arrivals:
            rig.feed.receive(view)
        await until(rig.feed, rig.story)
        assert numbers(ann.frames()) == [view.seq for view in tail]
        assert rig.feed.mirror is not None
        assert rig.feed.mirror.state == rig.story.state()

    asyncio.run(run())
