"""Commands on rooms and stays in them, answered by the room service."""

import msgspec

from .caller import Command, SessionCommand


class JoinRoom(SessionCommand, frozen=True, tag="room.join"):
    """Enter a room, opening it if need be. `multi_room`: the session may hold up to five rooms."""

    user_id: str
    user_name: str = ""
    max_member_count: int = 0
    user_update: bool = False
    multi_room: bool = False
    token_expires_s: int = 0
    address: str = ""
    """Where the client connects from, as the gateway sees it."""


class LeaveRoom(SessionCommand, frozen=True, tag="room.leave"):
    """A user leaves by themselves (`reason` is `logout`) or is gone without a word (`disconnected`)."""

    reason: str = "logout"


class KickUser(Command, frozen=True, tag="room.kick"):
    """Operator's command, answered by `Kicked`; a user who is not there is no error. `by`: operator, or token/JTI."""

    user_id: str
    reason: str = ""
    by: str = "operator"


class EndStay(SessionCommand, frozen=True, tag="room.end_stay"):
    """A service's command: one session's stay is over, for a `reason`; the session is kicked (1002055). Answered by `Kicked`."""

    actor: str
    reason: str


class CloseRoom(Command, frozen=True, tag="room.close"):
    """Everybody is kicked (1002055) and the call ends. Answered by `Closed`. `by` as in `KickUser`."""

    reason: str = "closed_by_server"
    by: str = "operator"


class SetRoomExtraInfo(SessionCommand, frozen=True, tag="room.set_extra_info"):
    """Sets one key, of at most 10 bytes, of the room's extra information."""

    key: str
    value: str


class DescribeRoom(Command, frozen=True, tag="room.describe"):
    """Operator's question to the room service: what it holds in memory at this moment."""


class Joined(msgspec.Struct, frozen=True):
    """The answer to `JoinRoom`; `created` says that this login opened the room, `heartbeat_window_ms` how long the room service keeps the
    session once its connection is lost.
    """

    room_uid: str
    actor: str
    created: bool
    heartbeat_window_ms: int
