"""The state of a session: its account, the rooms that it is in or wants to be in, and the timers of its connection."""

from dataclasses import dataclass
from typing import Any

from .cursor import RoomCursor
from .state import User

DEFAULT_INTERVAL_S = 15.0

Fields = dict[str, Any]


@dataclass
class Membership:
    """A room that the client is in or wants to be in. `login` is the login frame that was sent and is not answered yet."""

    cursor: RoomCursor
    inside: bool = False
    paused: bool = False
    login: Fields | None = None
    not_before: float = 0.0


@dataclass
class HeartbeatTimers:
    """When to ping, and from when on silence means that the gateway is gone (monotonic seconds)."""

    interval_s: float = DEFAULT_INTERVAL_S
    due: float | None = None
    silent_from: float | None = None


@dataclass
class Account:
    """The user that logs in, with a token that is fetched for each connection: the next login takes the new one."""

    app: int
    user: User
    token: str = ""
