"""A room's state as its members see it, folded from events: pure, and the same for everybody.

Rules: 1. `apply` takes the next event only. 2. Types it does not know move the position and change nothing. 3. `fold` of a call from its
first event gives the state that the server answers for the same position.
"""

from collections.abc import Iterable, Mapping
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
    return replace(_evolve(state, event), position=event.position)


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


def _evolve(state: State, event: Event) -> State:
    data = event.data
    match event.type:
        case "room.opened.v1":
            return replace(state, open=True)
        case "room.closed.v1":
            return replace(state, open=False, streams={})
        case "room.user_joined.v1":
            user = User(str(data["userID"]), str(data.get("userName", "")))
            return replace(state, users={**_without(state.users, user.user_id), user.user_id: user})
        case "room.user_left.v1" | "room.user_kicked.v1":
            return replace(state, users=_without(state.users, _user_of(event)))
        case "room.extra_info_changed.v1":
            key = str(data["key"])
            return replace(state, extra_info={**_without(state.extra_info, key), key: str(data["value"])})
        case "stream.added.v1" | "stream.updated.v1":
            stream = read_stream(data, _user_of(event))
            return replace(state, streams={**state.streams, stream.stream_id: stream})
        case "stream.removed.v1":
            return replace(state, streams=_without(state.streams, str(data["streamID"])))
        case _:
            return state
