"""What a session tells the code that drives it."""

from dataclasses import dataclass
from typing import Any

from .items import Item


@dataclass(frozen=True, slots=True)
class Given:
    """An item for the readers of a room."""

    room_id: str
    item: Item


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request: as it came, with `ok` true or false."""

    id: str
    frame: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Over:
    """A stay is over, or was not granted; the room is not tried again."""

    room_id: str
    code: int
    reason: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection and come back after this many seconds; None: as the backoff says."""

    why: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The connection has proved itself."""


Outcome = Given | Answered | Over | Drop | Settled
