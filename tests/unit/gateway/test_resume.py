"""Taking a session up again: what was missed comes first, whatever the room says at that moment."""

import json
from typing import Any, cast
from uuid import uuid4

from parlour.contracts import client
from parlour.gateway.app.delivery.feeds import RoomFeeds
from parlour.gateway.app.requests.login import LoginHandler, Timing
from parlour.gateway.app.requests.resume import ResumeHandler
from parlour.gateway.app.sessions.session import Session, SessionTable
from parlour.gateway.domain import session_secret
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.turn_credentials import TurnServers
from parlour.runtime.clock import SystemClock
from parlour.testkit.story import Story

KEY = bytes(32)


class Events:
    """A bus that carries what the test says itself."""

    async def subscribe(self, *_: Any) -> Any:
        return None


class Wire:
    """A connection that takes everything."""

    address = "192.0.2.1"

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []

    def put(self, text: str, *more: str) -> None:
        self.frames += [json.loads(frame) for frame in (text, *more)]

    def deliver(self, batch: FrameBatch) -> bool:
        self.frames += [json.loads(frame) for frame in batch.frames]
        return True

    async def wait_writable(self) -> bool:
        return True

    def close(self, code: int, reason: str) -> None:
        pass


async def test_an_event_of_the_same_moment_does_not_overtake_what_was_missed() -> None:
    nothing: Any = None
    story, sessions, rights = Story(), SessionTable(), session_secret.Rights(1 << 40)
    feeds = RoomFeeds(cast("Any", Events()), story, sessions.end_stay)
    logins = LoginHandler(nothing, feeds, sessions, KEY, Timing(1, 1), TurnServers(), nothing, SystemClock())
    feed = await feeds.open(story.app, story.room)
    for view in (story.opened(), story.joined("ann"), story.joined("bob")):
        feed.receive(view)
    feed.fanout.flush()
    ann = Session("s-ann", story.app, client.UserRef("ann"))
    sessions.attach(ann, Wire())
    logins.add_member(ann, feed, "actor-ann", rights)
    held = f"{story.room_uid}.3.{story.views[2].hash[:16]}"
    feed.receive(story.said("bob", "lost on the way"))
    feed.fanout.flush()
    feed.receive(story.said("bob", "as ann comes back"))
    frame = client.Resume(uuid4(), logins.seal_secret(ann), {story.room: held})
    wire = Wire()
    await ResumeHandler(story, feeds, sessions, logins, KEY, SystemClock()).resume(frame, wire)
    told = [frame.get("seq", frame["t"]) for frame in wire.frames]
    assert told == ["res", 4, 5, "live"]
    feed.close()
