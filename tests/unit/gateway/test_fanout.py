"""The fan-out of a room: encoded once for all who read the same, and nobody who can't take an event holds up the others."""

from collections.abc import Sequence

import msgspec

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.gateway.app.delivery.fanout import EVENTS_PER_TICK, Fanout
from parlour.gateway.domain.encoded_event import EncodedEvent
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.read_scope import EVERYBODY, ReadScope
from parlour.testkit.story import Story


class Target:
    def __init__(self, scope: ReadScope) -> None:
        self.scope = scope
        self.full = False
        self.batches: list[FrameBatch] = []
        self.late = 0

    def push(self, batches: Sequence[FrameBatch]) -> bool:
        self.batches += () if self.full else batches
        return not self.full

    def start_catch_up(self) -> None:
        self.late += 1

    def types(self) -> list[str]:
        frames = [msgspec.json.decode(frame) for batch in self.batches for frame in batch.frames]
        return [frame.get("type", frame["t"]) for frame in frames]


def member(story: Story, user: str) -> Target:
    return Target(ReadScope(actor=f"actor-{user}", room_uid=story.room_uid))


async def test_members_and_readers_on_behalf_of_nobody_share_their_bytes() -> None:
    story, fanout = Story(), Fanout("r")
    ann, bob, server, auditor = (
        member(story, "ann"),
        member(story, "bob"),
        Target(EVERYBODY),
        Target(ReadScope(audit=True)),
    )
    for target in (ann, bob, server, auditor):
        fanout.add(target)
    fanout.append(EncodedEvent(story.said("ann", "1")))
    fanout.append(EncodedEvent(story.tell(ev.UserSuspended("s-bob", "actor-bob"))))
    fanout.flush()
    assert ann.batches[0] is bob.batches[0] is server.batches[0]
    assert ann.types() == ["im.broadcast_sent.v1", "skip"]
    assert auditor.types() == ["im.broadcast_sent.v1", "room.user_suspended.v1"]


async def test_who_is_named_gets_bytes_of_its_own() -> None:
    story, fanout = Story(), Fanout("r")
    ann, bob, eve = (member(story, user) for user in ("ann", "bob", "eve"))
    for target in (ann, bob, eve):
        fanout.add(target)
    fanout.append(EncodedEvent(story.tell(ev.CommandSent("s-ann", "actor-ann", "psst", ("actor-bob",)))))
    fanout.flush()
    assert [one.types() for one in (ann, bob, eve)] == [["im.command_sent.v1"], ["im.command_sent.v1"], ["skip"]]


async def test_who_can_not_take_an_event_catches_up_by_itself() -> None:
    story, fanout = Story(), Fanout("r")
    slow, quick = member(story, "ann"), member(story, "bob")
    fanout.add(slow)
    fanout.add(quick)
    slow.full = True
    for n in range(EVENTS_PER_TICK + 1):
        fanout.append(EncodedEvent(story.said("ann", str(n))))
    fanout.flush()
    assert (slow.late, slow.batches) == (1, []), "told once, and sent nothing more"
    assert len(quick.types()) == EVENTS_PER_TICK + 1


async def test_nothing_of_before_is_sent_to_who_is_added() -> None:
    story, fanout = Story(), Fanout("r")
    early, late = member(story, "ann"), member(story, "bob")
    fanout.add(early)
    fanout.append(EncodedEvent(story.said("ann", "1")))
    fanout.add(late)
    fanout.append(EncodedEvent(story.said("ann", "2")))
    fanout.discard(early)
    fanout.flush()
    assert (len(early.types()), len(late.types())) == (1, 1)


async def test_an_event_that_was_sent_still_has_all_its_forms() -> None:
    event = EncodedEvent(Story().joined("ann"), client.UserRef("ann", "Ann"))
    view, frame, json = event.view, event.frame, event.json
    Fanout("r").append(event)  # for nobody: it is only kept in the buffer
    assert event.view is not view, "what is kept is one encoding"
    assert (event.frame, event.json) == (frame, json)
    assert msgspec.json.encode(event.view) == json
    assert event.mentions("actor-ann")
    assert not event.mentions("actor-bob")
