"""A room as this gateway knows it: its state and its last events, with which readers are served without asking the record."""

from collections import deque
from itertools import islice

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.contracts.queries import RoomState
from parlour.kernel import view as fold

from .encoded_event import EncodedEvent

BUFFER_EVENTS = 256
"""Events of one room in memory, for members and readers that lag or come back."""


class RoomBuffer:
    """The last events of one call, without a gap. A position is continued only if its hash is the chain's at that seq."""

    def __init__(self, start: Position, capacity: int = BUFFER_EVENTS) -> None:
        self.floor = start
        """The oldest position that can be continued."""
        self.end = start
        """The position of a reader that has read everything."""
        self.events: deque[EncodedEvent] = deque(maxlen=capacity)

    def append(self, event: EncodedEvent) -> None:
        """Adds the next event; the oldest one goes where the buffer is full."""
        if len(self.events) == self.events.maxlen:
            self.floor = (self.events[0] if self.events else event).position
        self.events.append(event)
        self.end = event.position

    def clear(self) -> None:
        """Forgets all events; only the end can be continued."""
        self.events.clear()
        self.floor = self.end

    def after(self, position: Position, limit: int = BUFFER_EVENTS) -> list[EncodedEvent] | None:
        """Returns at most `limit` events after a position, none at the end; None where only the record can tell."""
        if position.room_uid != self.end.room_uid or self.hash8_at(position.seq) != position.hash8:
            return None
        first = position.seq - self.floor.seq
        return list(islice(self.events, first, first + limit))

    def hash8_at(self, seq: int) -> str | None:
        """Returns the hash at a seq from the floor to the end; None outside."""
        if not self.floor.seq <= seq <= self.end.seq:
            return None
        return self.floor.hash8 if seq == self.floor.seq else self.events[seq - self.floor.seq - 1].position.hash8


class RoomMirror:
    """One call of a room: the fold of its events so far, and a buffer of the last ones."""

    def __init__(self, state: RoomState) -> None:
        self.state = state
        self.buffer = RoomBuffer(Position(state.room_uid, state.seq, state.hash[:16]))
        self._users = {user.actor: client.UserRef(user.user_id, user.user_name) for user in state.users}
        self._sessions = {user.session_id: user.actor for user in state.users}

    def apply(self, view: EventView) -> EncodedEvent:
        """Applies the next event. `BrokenHistory` where it is not the next one."""
        self.state = fold.apply(self.state, view)
        event = None if view.type in fold.MESSAGES else fold.event_of(view)
        if isinstance(event, ev.UserJoined):
            self._users[event.actor] = client.UserRef(event.user_id, event.user_name)
            self._sessions[event.session_id] = event.actor
        encoded = EncodedEvent(view, self._users.get(view.actor))
        if isinstance(event, ev.UserLeft | ev.UserKicked):
            self._users.pop(event.actor, None)
            self._sessions.pop(event.session_id, None)
        self.buffer.append(encoded)
        return encoded

    @property
    def position(self) -> Position:
        """The position behind the last event applied."""
        return self.buffer.end

    def actor_of(self, session_id: str) -> str | None:
        """Returns the actor of a session that is in the room."""
        return self._sessions.get(session_id)

    def user_of(self, actor: str) -> client.UserRef | None:
        """Returns who an actor in the room is."""
        return self._users.get(actor)

    def count_users(self) -> int:
        """Returns how many sessions are in the room."""
        return len(self._sessions)

    def mentions(self, actor: str) -> bool:
        """Tells whether the state or an event of the buffer is of a person or names one."""
        return (
            actor in self._users
            or any(entry.actor == actor for entry in self.state.extra_info)
            or any(event.mentions(actor) for event in self.buffer.events)
        )
