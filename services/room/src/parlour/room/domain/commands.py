"""What may be asked of one life of a room, people already resolved to actors."""

import msgspec

from parlour.contracts.codes import Code


class Join(msgspec.Struct, frozen=True):
    """Enter; the first one opens the room as `room` of `app`, after the life that ended at `previous`."""

    app: int
    room: str
    session_id: str
    actor: str
    user_id: str
    user_name: str = ""
    user_update: bool = False
    max_member_count: int = 0
    previous: str = ""


class Leave(msgspec.Struct, frozen=True):
    """The session goes of its own will."""

    session_id: str
    reason: str = "logout"


class Kick(msgspec.Struct, frozen=True):
    """Someone is put out; with a `session_id` only that session."""

    actor: str
    code: Code = Code.KICKED_BY_SERVER
    reason: str = ""
    session_id: str = ""
    by: str = ""


class Close(msgspec.Struct, frozen=True):
    """Everybody is put out and the life ends."""

    reason: str
    by: str = ""


class CloseIfEmpty(msgspec.Struct, frozen=True):
    """The life ends if nobody is there."""


class SetExtraInfo(msgspec.Struct, frozen=True):
    """Set the room's one key."""

    session_id: str
    key: str
    value: str


class Suspend(msgspec.Struct, frozen=True):
    """No gateway has held the session's connection for a while."""

    session_id: str


class Resume(msgspec.Struct, frozen=True):
    """A gateway holds the session's connection again."""

    session_id: str


class Expire(msgspec.Struct, frozen=True):
    """The heartbeat window of a suspended session is over."""

    session_id: str


RoomCommand = Join | Leave | Kick | Close | CloseIfEmpty | SetExtraInfo | Suspend | Resume | Expire
