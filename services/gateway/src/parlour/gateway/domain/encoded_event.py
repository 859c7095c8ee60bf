"""Events of a room as they are sent to clients and readers, and the ends of stays that they report."""

from collections.abc import Callable, Iterable

import msgspec

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.kernel.view import MESSAGES, event_of

HASH8_BEFORE_FIRST = "0" * 16
"""The `hash8` of a call's position before its first event."""
NOBODY: frozenset[str] = frozenset()

UserOf = Callable[[str], client.UserRef | None]
"""Looks up who an actor is, None where it is unknown."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventView).decode


class EncodedEvent:
    """One event with its encodings, each made when it is first needed and then shared by all who read the event.

    `position` is that of a reader that has read it. `user` is its author as clients knew them then, None where nobody is known. `readers`
    are the actors that may read it besides auditors; None: every member may.
    """

    __slots__ = ("_frame", "_json", "_view", "position", "readers", "user")

    def __init__(self, view: EventView, user: client.UserRef | None = None) -> None:
        self.position = Position(view.room_uid, view.seq, view.hash[:16])
        self.user = user
        self.readers = _readers_of(view)
        self._view: EventView | None = view
        self._frame = b""
        self._json = b""

    @property
    def seq(self) -> int:
        """Its number in the log."""
        return self.position.seq

    @property
    def view(self) -> EventView:
        """The event as the record has it."""
        return self._view or _decode(self._json)

    @property
    def frame(self) -> bytes:
        """The `ev` frame of a WebSocket."""
        if not self._frame:
            view = self.view
            user = self.user or (client.UserRef(view.user_id) if view.user_id else msgspec.UNSET)
            self._frame = _encode(
                client.Ev(
                    room_id=view.room, pos=str(self.position), seq=view.seq, prev=view.prev[:16], at=view.at, type=view.type,
                    data=view.data, user=user, command_id=view.command_id or msgspec.UNSET,
                )
            )  # fmt: skip
        return self._frame

    @property
    def json(self) -> bytes:
        """The event's view, as HTTP readers get it."""
        self._json = self._json or _encode(self.view)
        return self._json

    def compact(self) -> None:
        """Keeps one encoding, a third of the memory: an event in a buffer is mostly not read again once it was sent."""
        self._json = self.json
        self._view = None
        self._frame = b""

    def mentions(self, actor: str) -> bool:
        """Tells whether the event is of a person or names one."""
        return actor.encode() in self.json


def encode_page(views: Iterable[EventView], user_of: UserOf | None) -> list[EncodedEvent]:
    """Encodes consecutive events of the record. `user_of` looks up who is in the room now; who joins in the page is known from there.
    None: the reader gets no frames, so that nobody need be known.
    """
    if user_of is None:
        return [EncodedEvent(view) for view in views]
    joined: dict[str, client.UserRef] = {}
    events: list[EncodedEvent] = []
    for view in views:
        event = None if view.type in MESSAGES else event_of(view)
        if isinstance(event, ev.UserJoined):
            joined[event.actor] = client.UserRef(event.user_id, event.user_name)
        events.append(EncodedEvent(view, joined.get(view.actor) or user_of(view.actor)))
    return events


def _readers_of(view: EventView) -> frozenset[str] | None:
    if view.audience == ev.Audience.MEMBERS:
        return None
    if view.audience == ev.Audience.AUDIT:
        return NOBODY
    event = event_of(view)  # one of a type that this version can't read is for its author alone
    return frozenset((view.actor, *(event.to if isinstance(event, ev.CommandSent) else ())))


class StayEnd(msgspec.Struct, frozen=True):
    """The end of a session's stay in a room, or of everybody's if `session_id` is empty. `code` 0: the session left by itself."""

    session_id: str
    code: int
    reason: str


def stay_end_of(view: EventView) -> StayEnd | None:
    """Returns the end of a stay that an event reports, with what the session is told; None for other events."""
    match None if view.type in MESSAGES else event_of(view):
        case ev.UserKicked(session_id=session_id, code=code, reason=reason):
            return StayEnd(session_id, code, reason)
        case ev.UserLeft(session_id=session_id, reason="heartbeat_timeout"):
            return StayEnd(session_id, int(Code.HEARTBEAT_TIMEOUT), "heartbeat timeout")
        case ev.UserLeft(session_id=session_id, reason=reason):
            return StayEnd(session_id, 0, reason)
        case ev.RoomClosed(reason=reason):
            return StayEnd("", int(Code.KICKED_BY_SERVER), reason)
        case _:
            return None
