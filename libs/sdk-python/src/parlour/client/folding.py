"""A room's state as its members see it, folded from events: pure, and the same for everybody.

Rules: 1. `apply` takes the next event only. 2. Types it does not know move the position and change nothing. 3. `fold` of a call from its
first event gives the state that the server answers for the same position.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .errors import ProtocolViolation
from .items import Event, Item, Resync, Skip
from .state import State, User, read_stream


def apply(state: State, event: Event) -> State:
    """Returns the state after one more event. ProtocolViolation where it is not the next one."""
    at = state.position
    if (event.position.room_uid, event.seq, event.prev) != (at.room_uid, at.seq + 1, at.hash8):
        raise ProtocolViolation(f"event {event.position} does not follow {at}")
    change = _CHANGES.get(event.type)
    changed = state if change is None else change(state, event)
    return replace(changed, position=event.position)


def apply_item(state: State | None, item: Item) -> State | None:
    """Returns the state after one more item of a feed; None until the first resync."""
    match item:
        case Resync():
            return item.state
        case Event():
            return None if state is None else apply(state, item)
        case Skip():
            return None if state is None else replace(state, position=item.position)
        case _:
            return state


def fold(items: Iterable[Item], state: State | None = None) -> State | None:
    """Returns the state after all items of a feed. Without `state` the first item is a resync, or event 1 of a call."""
    for item in items:
        if state is None and isinstance(item, Event) and item.seq == 1:
            state = State.before(item.room_id, item.position.room_uid)
        state = apply_item(state, item)
    return state


def _without(entries: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {other: entry for other, entry in entries.items() if other != key}


def _user_of(event: Event) -> str:
    return event.user.user_id if event.user else str(event.data.get("userID", ""))


def _opened(state: State, event: Event) -> State:
    return replace(state, open=True)


def _closed(state: State, event: Event) -> State:
    return replace(state, open=False, streams={})


def _joined(state: State, event: Event) -> State:
    user = User(str(event.data["userID"]), str(event.data.get("userName", "")))
    return replace(state, users={**_without(state.users, user.user_id), user.user_id: user})


def _gone(state: State, event: Event) -> State:
    return replace(state, users=_without(state.users, _user_of(event)))


def _extra(state: State, event: Event) -> State:
    key = str(event.data["key"])
    return replace(state, extra_info={**_without(state.extra_info, key), key: str(event.data["value"])})


def _added(state: State, event: Event) -> State:
    stream = read_stream(event.data, _user_of(event))
    return replace(state, streams={**state.streams, stream.stream_id: stream})


def _removed(state: State, event: Event) -> State:
    return replace(state, streams=_without(state.streams, str(event.data["streamID"])))


_CHANGES: dict[str, Callable[[State, Event], State]] = {
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
