"""What a room's events mean for claims and deadlines: they change in the same unit as the events.

Claims: `open_room` (key and holder: room name → room_uid) for a life; `client_session` (key actor, slot room → session) for a seat.
Units of other services require the latter, so that nothing commits for a session after its end.
"""

from collections.abc import Iterable

import msgspec

from parlour.contracts import events as ev
from parlour.kernel.log import Claim, Deadline, LogKey
from parlour.room.domain import room as domain

SERVICE = "room"
OPEN_ROOM = "open_room"
CLIENT_SESSION = "client_session"
HEARTBEAT = "heartbeat"
EMPTY = "empty"


class Due(msgspec.Struct, frozen=True):
    """The body of a deadline: what to look at again."""

    what: str
    app: int
    room: str
    room_uid: str
    session_id: str = ""


def claims_of(log: LogKey, events: Iterable[ev.Event], seats: int = 1) -> tuple[Claim, ...]:
    """The changes of claims that go with a room's events; what is released comes first."""
    changes = [claim for event in events if (claim := _claim(log, event, seats)) is not None]
    return tuple(sorted(changes, key=lambda claim: claim.op != "release"))


def _claim(log: LogKey, event: ev.Event, seats: int) -> Claim | None:
    match event:
        case ev.RoomOpened():
            return Claim("take", OPEN_ROOM, log.app, log.room, str(log.uid))
        case ev.RoomClosed():
            return Claim("release", OPEN_ROOM, log.app, log.room, str(log.uid))
        case ev.UserJoined():
            return Claim("take", CLIENT_SESSION, log.app, event.actor, event.session_id, log.room, seats)
        case ev.UserLeft() | ev.UserKicked():
            return Claim("release", CLIENT_SESSION, log.app, event.actor, event.session_id, log.room)
        case _:
            return None


def cleared(log: LogKey, state: domain.State, events: Iterable[ev.Event]) -> tuple[Deadline, ...]:
    """Heartbeat deadlines that end with the events; `state` is the one before."""
    if not isinstance(state, domain.Open):
        return ()
    ending = [event.session_id for event in events if isinstance(event, ev.UserResumed | ev.UserLeft | ev.UserKicked)]
    waiting = [one for one in ending if (member := state.members.get(one)) is not None and member.suspended]
    return tuple(Deadline(SERVICE, heartbeat_key(log, session_id), None) for session_id in waiting)


def heartbeat(log: LogKey, session_id: str, due_at: int) -> Deadline:
    """The end of a suspended session's heartbeat window."""
    due = Due(HEARTBEAT, log.app, log.room, str(log.uid), session_id)
    return Deadline(SERVICE, heartbeat_key(log, session_id), due_at, msgspec.json.encode(due))


def empty(log: LogKey, due_at: int) -> Deadline:
    """The end of an empty room's delay."""
    return Deadline(
        SERVICE, f"{EMPTY}/{log.uid}", due_at, msgspec.json.encode(Due(EMPTY, log.app, log.room, str(log.uid)))
    )


def heartbeat_key(log: LogKey, session_id: str) -> str:
    """The deadline's key in the service."""
    return f"{HEARTBEAT}/{log.uid}/{session_id}"
