"""What a session keeps: who the client is, the rooms it wants, the pulse of its connection."""

from dataclasses import dataclass
from typing import Any

from .place import Place
from .state import User

DEFAULT_INTERVAL_S = 15.0

Fields = dict[str, Any]


@dataclass
class Seat:
    """A room that the client wants to be in. `login` is the frame under way, kept until it is answered."""

    place: Place
    inside: bool = False
    paused: bool = False
    login: Fields | None = None
    not_before: float = 0.0


@dataclass
class Pulse:
    """When to ping, and since when the gateway may not be silent (monotonic seconds)."""

    interval_s: float = DEFAULT_INTERVAL_S
    due: float | None = None
    silent_from: float | None = None
    ping: str = ""


@dataclass
class Account:
    """Who the client is. `token` may be replaced at any time; the next login takes the new one."""

    app: int
    user: User
    token: str
    user_update: bool = True
