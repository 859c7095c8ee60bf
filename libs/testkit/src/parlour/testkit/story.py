"""A room's history made up by a test: chained event views, and the record's answers about them."""

import hashlib
from uuid import UUID

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Head, Replay, ReplayQuery, RoomState, Snapshot, SnapshotQuery
from parlour.kernel.view import apply, empty_room

NO_HASH = "0" * 64


class Story:
    """One call of a room, the first or (`call`) a later one.

    `tell` adds an event; it also answers as `record` would, counting the questions."""

    def __init__(self, app: int = 1, room: str = "r", call: int = 1) -> None:
        self.app = app
        self.room = room
        self.room_uid = str(UUID(int=call))
        self.views: list[EventView] = []
        self.asked: list[ReplayQuery | SnapshotQuery] = []

    def tell(self, event: ev.Event) -> EventView:
        """The next event's view."""
        prev = self.views[-1].hash if self.views else NO_HASH
        data = msgspec.json.encode(event)
        digest = hashlib.sha256(prev.encode() + event.TAG.encode() + data).hexdigest()
        seq = len(self.views) + 1
        actor = str(getattr(event, "actor", ""))
        view = EventView(
            app=self.app, room=self.room, room_uid=self.room_uid, seq=seq, at=seq * 1_000_000, hash=digest, prev=prev,
            type=event.TAG, audience=int(ev.audience_of(event)), data=msgspec.Raw(data), actor=actor, user_id=actor.removeprefix("actor-"),
        )  # fmt: skip
        self.views.append(view)
        return view

    def opened(self) -> EventView:
        """The room opens."""
        return self.tell(ev.RoomOpened(self.app, self.room))

    def joined(self, user: str) -> EventView:
        """A user joins with session `s-<user>` and actor `actor-<user>`."""
        return self.tell(ev.UserJoined(f"s-{user}", f"actor-{user}", user, user.title()))

    def said(self, user: str, text: str) -> EventView:
        """A broadcast."""
        return self.tell(ev.BroadcastSent(f"s-{user}", f"actor-{user}", text))

    def state(self, seq: int | None = None) -> RoomState:
        """The fold of the first `seq` events, or of all."""
        state = empty_room(self.app, self.room, self.room_uid)
        for view in self.views[:seq]:
            state = apply(state, view)
        return state

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        """As `record` answers."""
        self.asked.append(query)
        state = self.state()
        head = Head(self.room_uid, state.seq, state.hash, state.open)
        if query.hash8 and (query.after > state.seq or self.state(query.after).hash[:16] != query.hash8):
            return Replay(head, diverged=True)
        events = tuple(self.views[query.after : query.after + query.limit])
        return Replay(head, events, more=query.after + len(events) < state.seq)

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        """As `record` answers."""
        self.asked.append(query)
        return Snapshot(self.state(query.seq))
