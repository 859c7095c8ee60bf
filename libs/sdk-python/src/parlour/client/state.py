"""A room's state as its members see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from .position import Position

Data = Mapping[str, Any]
NOWHERE = "0" * 16
"""The hash before the first event."""


@dataclass(frozen=True, slots=True)
class User:
    """A user by the app's id, with the name given at login; both are empty after erasure."""

    user_id: str
    user_name: str = ""

    @classmethod
    def read(cls, frame: Data) -> Self:
        """Reads the `user` of an `ev` frame."""
        return cls(str(frame.get("userID", "")), str(frame.get("userName", "")))


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that is published in the room."""

    stream_id: str
    user_id: str
    extra_info: str = ""
    codec: str = ""
    has_audio: bool = True
    has_video: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """A room as of `position`. The mappings are in the order of the log; do not change them."""

    room_id: str
    position: Position
    users: Mapping[str, User]
    """The users in the room, by user id."""
    streams: Mapping[str, Stream]
    """The published streams, by stream id."""
    extra_info: Mapping[str, str]
    open: bool = True

    @classmethod
    def before(cls, room_id: str, room_uid: str) -> "State":
        """Returns the state of a call before its first event."""
        return cls(room_id, Position(room_uid, 0, NOWHERE), {}, {}, {}, open=False)

    @classmethod
    def read(cls, room_id: str, position: Position, frame: Data, own: User | None = None) -> "State":
        """Reads the lists of a `snap` frame or of an answer to `login`, which leave out the client's own user."""
        users = [User(str(u["userID"]), str(u.get("userName", ""))) for u in frame["users"]]
        streams = [read_stream(s, str(s["user"]["userID"])) for s in frame["streams"]]
        return cls(
            room_id, position, {user.user_id: user for user in [*users, *([own] if own else [])]},
            {stream.stream_id: stream for stream in streams},
            {str(entry["key"]): str(entry["value"]) for entry in frame["extraInfo"]},
        )  # fmt: skip


def read_stream(data: Data, user_id: str) -> Stream:
    """Reads a stream from a frame or an event."""
    return Stream(
        str(data["streamID"]), user_id, str(data.get("extraInfo", "")), str(data.get("codec", "")),
        bool(data.get("hasAudio", True)), bool(data.get("hasVideo", True)),
    )  # fmt: skip
