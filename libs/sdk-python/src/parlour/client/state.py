"""A room's state as its members see it, folded from events: pure, and the same for everybody.

Rules: 1. `apply` takes the next event only. 2. Types it does not know move the position and change nothing. 3. `fold` of a life from its
first event gives what the server answers for the same position.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .errors import Broken
from .position import Position

if TYPE_CHECKING:
    from .items import Event, Item

Data = Mapping[str, Any]
NOWHERE = "0" * 16
"""The hash before the first event."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody in the room."""

    user_id: str
    user_name: str = ""


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
    """As of `position`. The mappings are in the order of the log; do not change them."""

    room_id: str
    position: Position
    users: Mapping[str, User]
    """By user id."""
    streams: Mapping[str, Stream]
    """By stream id."""
    extra_info: Mapping[str, str]
    open: bool = True

    @classmethod
    def before(cls, room_id: str, room_uid: str) -> "State":
        """A life before its first event."""
        return cls(room_id, Position(room_uid, 0, NOWHERE), {}, {}, {}, open=False)

    @classmethod
    def read(cls, room_id: str, position: Position, frame: Data, own: User | None = None) -> "State":
        """From the lists of a `snap` frame or an answer to `login`, which leave out oneself."""
        users = [User(str(u["userID"]), str(u.get("userName", ""))) for u in frame["users"]]
        streams = [_stream(s, str(s["user"]["userID"])) for s in frame["streams"]]
        return cls(
            room_id, position, {user.user_id: user for user in [*users, *([own] if own else [])]},
            {stream.stream_id: stream for stream in streams},
            {str(entry["key"]): str(entry["value"]) for entry in frame["extraInfo"]},
        )  # fmt: skip


def apply(state: State, event: "Event") -> State:
    """The state after one more event. Broken when it is not the next one."""
    at = state.position
    if (event.position.room_uid, event.seq, event.prev) != (at.room_uid, at.seq + 1, at.hash8):
        raise Broken(f"event {event.position} does not follow {at}")
    change = _CHANGES.get(event.type)
    changed = state if change is None else change(state, event)
    return replace(changed, position=event.position)


def follow(state: State | None, item: "Item") -> State | None:
    """The state after one more item of a feed; None until the first resync."""
    from .items import Event, Resync, Skip

    match item:
        case Resync():
            return item.state
        case Event():
            return None if state is None else apply(state, item)
        case Skip():
            return None if state is None else replace(state, position=item.position)
        case _:
            return state


def fold(items: "Iterable[Item]", state: State | None = None) -> State | None:
    """The state after all items of a feed. Without `state` the first of them says where to begin: a resync, or event 1 of a life."""
    from .items import Event

    for item in items:
        if state is None and isinstance(item, Event) and item.seq == 1:
            state = State.before(item.room_id, item.position.room_uid)
        state = follow(state, item)
    return state


def _stream(data: Data, user_id: str) -> Stream:
    return Stream(
        str(data["streamID"]), user_id, str(data.get("extraInfo", "")), str(data.get("codec", "")),
        bool(data.get("hasAudio", True)), bool(data.get("hasVideo", True)),
    )  # fmt: skip


def _without(entries: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {other: entry for other, entry in entries.items() if other != key}


def _user_of(event: "Event") -> str:
    return event.user.user_id if event.user else str(event.data.get("userID", ""))


def _opened(state: State, event: "Event") -> State:
    return replace(state, open=True)


def _closed(state: State, event: "Event") -> State:
    return replace(state, open=False, streams={})


def _joined(state: State, event: "Event") -> State:
    user = User(str(event.data["userID"]), str(event.data.get("userName", "")))
    return replace(state, users={**_without(state.users, user.user_id), user.user_id: user})


def _gone(state: State, event: "Event") -> State:
    return replace(state, users=_without(state.users, _user_of(event)))


def _extra(state: State, event: "Event") -> State:
    key = str(event.data["key"])
    return replace(state, extra_info={**_without(state.extra_info, key), key: str(event.data["value"])})


def _added(state: State, event: "Event") -> State:
    stream = _stream(event.data, _user_of(event))
    return replace(state, streams={**state.streams, stream.stream_id: stream})


def _removed(state: State, event: "Event") -> State:
    return replace(state, streams=_without(state.streams, str(event.data["streamID"])))


_CHANGES: dict[str, Callable[[State, "Event"], State]] = {
    "room.opened.v1": _opened,
    "room.closed.v1": _closed,
    "room.user_joined.v1": _joined,
    "room.user_left.v1": _gone,
    "room.user_kicked.v1": _gone,
    "room.extra_info_changed.v1": _extra,
    "stream.added.v1": _added,
    "stream.updated.v1": _added,
    "stream.removed.v1": _removed,
}
