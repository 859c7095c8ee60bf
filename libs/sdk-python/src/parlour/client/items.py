"""The items of a room's feed: events, and notices about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .position import Position
from .state import State, User

Frame = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """A fact in a room's log. `at` is in unix microseconds, `data` as docs/reference/events.md has it for `type`."""

    room_id: str
    position: Position
    prev: str
    at: int
    type: str
    data: Mapping[str, Any]
    user: User | None = None
    command_id: str = ""

    @property
    def seq(self) -> int:
        """The number of the event in its call."""
        return self.position.seq

    @classmethod
    def read(cls, frame: Frame) -> Self:
        """Reads an `ev` frame. KeyError or ValueError where it is malformed."""
        user = frame.get("user")
        return cls(
            str(frame["roomID"]), Position.parse(str(frame["pos"])), str(frame["prev"]), int(frame["at"]),
            str(frame["type"]), frame["data"], None if user is None else User.read(user),
            str(frame.get("commandID", "")),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Skip:
    """Events `first` to `last` exist and are outside this reader's read scope."""

    room_id: str
    position: Position
    first: int

    @property
    def last(self) -> int:
        """The number of the last event that is skipped."""
        return self.position.seq


@dataclass(frozen=True, slots=True)
class Resync:
    """The room as of `position`; the state that the reader had can't be continued event by event.

    `reason`: `start` (the first item of a feed that began without a position), `snapshot` (too much was missed), `new_call` (the room
    was closed and opened again meanwhile), or the server's reason: `diverged`, `expired`, `limit`.
    """

    room_id: str
    position: Position
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The reader has every event up to this position; later ones follow as they happen."""

    room_id: str
    position: Position


@dataclass(frozen=True, slots=True)
class Sent:
    """A message's acknowledgement: committed. `message_id` as the server numbered it ("" for commands)."""

    command_id: str
    message_id: str = ""
    absent: tuple[str, ...] = field(default=())
    """User ids that a command was addressed to and that are not in the room."""


Item = Event | Skip | Resync | CaughtUp
