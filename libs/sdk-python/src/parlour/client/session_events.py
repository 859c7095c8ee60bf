"""The outcomes that a session gives to the code that drives it."""

from dataclasses import dataclass
from typing import Any

from .items import Item


@dataclass(frozen=True, slots=True)
class ItemReceived:
    """An item for the reader of a room."""

    room_id: str
    item: Item


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """The answer to a request as it came, with `ok` true or false."""

    id: str
    frame: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RoomEnded:
    """The session in a room ended or was refused; the client does not log in again."""

    room_id: str
    code: int
    reason: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Asks to close the connection and to connect again after `after_s` seconds; None: after the backoff's pause."""

    why: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectionReady:
    """The connection's first request was answered."""


RoomOutcome = ItemReceived | RequestAnswered | RoomEnded
"""The outcomes for rooms and their requests; the others are for the connection."""
Outcome = RoomOutcome | Disconnect | ConnectionReady
