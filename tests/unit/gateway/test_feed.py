"""A room's feed: every event once and in order, or a word that it is not; gaps mended from the record."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.queries import RoomHead
from parlour.gateway.app.delivery.channel_delivery import measure_lag
from parlour.gateway.app.delivery.feed import RoomFeed
from parlour.gateway.app.sessions.session import RoomMember, Session
from parlour.gateway.domain.encoded_event import StayEnd
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.room_mirror import BUFFER_EVENTS, RoomBuffer
from parlour.testkit.story import Story


class Client:
    """A member and its channel; `frames` is what the client has received. With `full` it takes no events."""

    address = "192.0.2.1"

    def __init__(self, feed: RoomFeed, user: str) -> None:
        self.closed = 0
        self.full = False
        self.received: list[dict[str, Any]] = []
        self._feed = feed
        self._news = asyncio.Event()
        self.session = Session(f"s-{user}", feed.app, client.UserRef(user))
        self.session.channel = self
        self.member = RoomMember(self.session, feed.room, f"actor-{user}")
        feed.add_member(self.member)
        self.delivery = feed.members[self.session.session_id]

    def put(self, text: str, *more: str) -> None:
        self.received.extend(json.loads(frame) for frame in (text, *more))
        self._news.set()

    def deliver(self, batch: FrameBatch) -> bool:
        if not self.full:
            self.received.extend(json.loads(frame) for frame in batch.frames)
            self._news.set()
        return not self.full

    async def wait_writable(self) -> bool:
        while self.full:
            await self.changed()
        return True

    def reads_again(self) -> None:
        self.full = False
        self._news.set()

    async def changed(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def queued(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.received) < count:
                await self.changed()

    async def live(self) -> None:
        async with asyncio.timeout(5):
            while self.received[-1:] == [] or self.received[-1]["t"] != "live":
                await self.changed()

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def frames(self) -> list[dict[str, Any]]:
        self._feed.fanout.flush()
        frames, self.received = self.received, []
        return frames


class Rig:
    def __init__(self, story: Story) -> None:
        self.story = story
        self.endings: list[StayEnd] = []
        self.feed = RoomFeed(story.app, story.room, story, lambda member, ending: self.endings.append(ending))


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


async def until(feed: RoomFeed, story: Story) -> None:
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
    rig.feed.check_head(RoomHead(1, "r", rig.story.room_uid, lost.seq, lost.hash[:16]))
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
    assert rig.endings == [StayEnd("s-bob", 1002050, "login elsewhere")]
    frames = ann.frames()
    assert numbers(frames) == [4, 5]
    assert frames[0]["user"] == {"userID": "bob", "userName": "Bob"}


async def test_the_end_of_a_call_ends_all_and_the_next_call_is_followed() -> None:
    rig = a_room("ann")
    Client(rig.feed, "ann")
    rig.feed.receive(rig.story.tell(ev.RoomClosed("empty")))
    assert rig.feed.members == {}
    again = Story(call=2)
    rig.feed.receive(again.opened())
    rig.feed.receive(again.joined("ann"))
    mirror = await rig.feed.reach(again.room_uid, 2)
    assert mirror.state.users[0].user_id == "ann"
    rig.feed.receive(rig.story.views[0])
    assert rig.feed.mirror is mirror, "an older call is over for good"


async def test_a_member_of_an_older_call_is_told_that_its_stay_is_over() -> None:
    """Its session came in while the call's last event was on its way."""
    rig = a_room("ann")
    rig.feed.receive(rig.story.tell(ev.RoomClosed("empty")))
    late = Client(rig.feed, "ann")
    again = Story(call=2)
    rig.feed.receive(again.opened())
    assert [ending.session_id for ending in rig.endings] == ["s-ann"]
    assert rig.feed.members == {}
    assert late.frames() == []
    rig.feed.close()


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
    from parlour.gateway.app.delivery import feed as module
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


async def test_who_does_not_read_is_handed_nothing_and_then_everything_in_order() -> None:
    """Beside one who reads, and for longer than the ring remembers: the rest is the record's to tell."""
    rig = a_room("ann", "bob")
    quick, slow = Client(rig.feed, "ann"), Client(rig.feed, "bob")
    rig.feed.receive(rig.story.said("ann", "seen by both"))
    await quick.queued(1)
    slow.full = True
    for n in range(BUFFER_EVENTS + 150):
        rig.feed.receive(rig.story.said("ann", str(n)))
    last = len(rig.story.views)
    assert numbers(quick.frames()) == list(range(4, last + 1)), "the quick one is not held up"
    assert numbers(slow.received) == [4]
    assert measure_lag(rig.feed.members.values())[:2] == (1, BUFFER_EVENTS + 150), (
        "and the metrics tell of the slow one"
    )
    slow.reads_again()
    await slow.live()
    assert measure_lag(rig.feed.members.values()) == (0, 0, 0)
    frames = slow.frames()
    assert numbers(frames) == list(range(4, last + 1))
    assert frames[-1]["pos"].endswith(f".{last}.{rig.story.views[-1].hash[:16]}")
    assert rig.story.asked, "what the ring had forgotten came from the record"
    rig.feed.receive(rig.story.said("ann", "live again"))
    assert numbers(slow.frames()) == [last + 1]
    rig.feed.close()


async def test_a_slow_reader_of_another_history_starts_anew() -> None:
    rig = a_room("ann", "bob")
    slow = Client(rig.feed, "bob")
    slow.full = True
    for n in range(BUFFER_EVENTS + 2):
        rig.feed.receive(rig.story.said("ann", str(n)))
    rig.feed.fanout.flush()
    assert slow.delivery.is_lagging
    slow.delivery.cursor.position = msgspec.structs.replace(slow.delivery.position, hash8="f" * 16)
    slow.reads_again()
    await slow.queued(2)
    assert [frame["t"] for frame in slow.frames()] == ["resync", "snap"]
    rig.feed.close()


@settings(max_examples=60, deadline=None)
@example(["said", "stops", "turn", "reads", "turn", "said", "stops", "turn"], 0)
@given(st.lists(st.sampled_from(["said", "named", "audit", "stops", "reads", "turn"]), max_size=60), st.integers(0, 12))
def test_however_a_client_reads_it_gets_each_event_once_in_order(steps: list[str], ring: int) -> None:
    async def run() -> None:
        rig = a_room("ann", "bob", "eve")
        assert rig.feed.mirror is not None
        rig.feed.mirror.buffer = RoomBuffer(rig.feed.mirror.position, ring)  # so that the record is needed too
        bob = Client(rig.feed, "bob")
        for step in steps:
            match step:
                case "said":
                    rig.feed.receive(rig.story.said("ann", "x"))
                case "named":
                    rig.feed.receive(rig.story.tell(ev.CommandSent("s-ann", "actor-ann", "psst", ("actor-eve",))))
                case "audit":
                    rig.feed.receive(rig.story.tell(ev.UserSuspended("s-eve", "actor-eve")))
                case "stops":
                    bob.full = True
                case "reads":
                    bob.reads_again()
                case _:
                    await asyncio.sleep(0)
        bob.reads_again()
        rig.feed.fanout.flush()
        async with asyncio.timeout(30):
            while bob.delivery.is_lagging:
                await bob.changed()
        frames = bob.frames()
        assert numbers(frames) == list(range(5, len(rig.story.views) + 1))
        assert "psst" not in json.dumps(frames)
        rig.feed.close()

    asyncio.run(run())
