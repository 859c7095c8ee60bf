"""A room as the gateway mirrors it: the state, and the last events as frames, encoded once for all who read them.

Rules: 1. `follow` takes the next event only; what is old is dropped, what leaves a gap is refused. 2. Each entry of the ring has the
chain hash at its seq, so a position can be checked against it. 3. Who may not read an event gets its number as a skip.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice

import msgspec

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.contracts.queries import RoomState
from parlour.kernel import view as fold

RING = 256
"""Events kept for resuming clients without asking `record`."""


class Ending(msgspec.Struct, frozen=True):
    """One session's stay (or, with an empty id, everybody's) is over by this event; code 0: it left by itself."""

    session_id: str
    code: int
    reason: str


class Entry(msgspec.Struct, frozen=True):
    """One event, ready to send: `frame` is its JSON (empty where no client reads it), `readers` are actors (None: all)."""

    seq: int
    prev8: str
    hash8: str
    frame: bytes
    readers: frozenset[str] | None
    ending: Ending | None

    def read_by(self, actor: str) -> bool:
        """Whether this actor gets the event itself."""
        return bool(self.frame) and (self.readers is None or actor in self.readers)


class Mirror:
    """One life of one room."""

    def __init__(self, state: RoomState) -> None:
        self.state = state
        self._ring: deque[Entry] = deque(maxlen=RING)
        self._first_hash8 = state.hash[:16]
        self._faces = {user.actor: client.UserRef(user.user_id, user.user_name) for user in state.users}
        self._sessions = {user.session_id: user.actor for user in state.users}

    def follow(self, view: EventView) -> Entry:
        """Applies the next event. `BrokenHistory` where it is not the next one."""
        prev8 = self.state.hash[:16]
        self.state = fold.apply(self.state, view)
        event = fold.event_of(view)
        if isinstance(event, ev.UserJoined):
            self._faces[event.actor] = client.UserRef(event.user_id, event.user_name)
            self._sessions[event.session_id] = event.actor
        entry = entry_of(self.state, view, event, prev8, self._faces.get)
        if isinstance(event, ev.UserLeft | ev.UserKicked):
            self._faces.pop(event.actor, None)
            self._sessions.pop(event.session_id, None)
        if len(self._ring) == RING:
            self._first_hash8 = self._ring[0].hash8
        self._ring.append(entry)
        return entry

    @property
    def position(self) -> str:
        """Where the mirror stands."""
        return str(Position(self.state.room_uid, self.state.seq, self.state.hash[:16]))

    @property
    def floor(self) -> int:
        """The lowest seq that can be continued from the ring."""
        return self.state.seq - len(self._ring)

    def actor_of(self, session_id: str) -> str | None:
        """The actor of a session that is in the room."""
        return self._sessions.get(session_id)

    def face_of(self, actor: str) -> client.UserRef | None:
        """Who an actor in the room is."""
        return self._faces.get(actor)

    def present(self) -> int:
        """How many people are in the room."""
        return len(self._sessions)

    def hash8_at(self, seq: int) -> str | None:
        """The hash at a seq between the floor and here; None outside."""
        if not self.floor <= seq <= self.state.seq:
            return None
        index = seq - self.floor
        return self._ring[index - 1].hash8 if index else self._first_hash8

    def tells_of(self, actor: str) -> bool:
        """Whether a person is in the state or in an event of the ring."""
        present = any(user.actor == actor for user in self.state.users) or any(
            entry.actor == actor for entry in self.state.extra_info
        )
        return present or any(actor.encode() in entry.frame for entry in self._ring)

    def since(self, seq: int) -> tuple[Entry, ...]:
        """The entries after `seq`, which is not below the floor."""
        return tuple(islice(self._ring, seq - self.floor, None))


def entry_of(
    state: RoomState,
    view: EventView,
    event: ev.Event | None,
    prev8: str,
    face_of: Callable[[str], client.UserRef | None],
) -> Entry:
    """A view as entry; `prev8` is the hash before it."""
    hash8 = view.hash[:16]
    if view.audience == ev.Audience.AUDIT:
        return Entry(view.seq, prev8, hash8, b"", None, None)
    readers = frozenset((view.actor, *event.to)) if isinstance(event, ev.CommandSent) and event.to else None
    if readers is None and view.audience == ev.Audience.NAMED and not isinstance(event, ev.CommandSent):
        readers = frozenset((view.actor,))  # a named event that this version can't read: nobody else's business
    return Entry(view.seq, prev8, hash8, frame_of(view, face_of), readers, ending_of(event))


def frame_of(view: EventView, face_of: Callable[[str], client.UserRef | None]) -> bytes:
    """A view as the `ev` frame of whoever may read it."""
    face = face_of(view.actor) or (client.UserRef(view.user_id) if view.user_id else None)
    frame = client.Ev(
        room_id=view.room, pos=str(Position(view.room_uid, view.seq, view.hash[:16])), seq=view.seq, prev=view.prev[:16],
        at=view.at, type=view.type, data=view.data, user=face or msgspec.UNSET, command_id=view.command_id or msgspec.UNSET,
    )  # fmt: skip
    return msgspec.json.encode(frame)


def ending_of(event: ev.Event | None) -> Ending | None:
    """Whose stay an event ends, and what that session is told."""
    match event:
        case ev.UserKicked(session_id=session_id, code=code, reason=reason):
            return Ending(session_id, code, reason)
        case ev.UserLeft(session_id=session_id, reason="heartbeat_timeout"):
            return Ending(session_id, int(Code.HEARTBEAT_TIMEOUT), "heartbeat timeout")
        case ev.UserLeft(session_id=session_id, reason=reason):
            return Ending(session_id, 0, reason)
        case ev.RoomClosed(reason=reason):
            return Ending("", int(Code.KICKED_BY_SERVER), reason)
        case _:
            return None
