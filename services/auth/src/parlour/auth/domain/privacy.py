"""Erasures and legal holds of one app: the decider of the aggregate `privacy`.

Invariants, cited by the tests:
1. An erasure that no hold covers is due at once, and a later hold does not stop it.
2. One that a hold covers waits, and
becomes due when no hold covers it any more.
3. `user.erased` follows only after the person's key is destroyed.
4. A command whose outcome already holds decides `()`: each of these events happens once for an erasure or a hold.
"""

from typing import assert_never

import msgspec

from parlour.contracts import events as ev
from parlour.kernel.decider import Aggregate, Ids


class Erase(msgspec.Struct, frozen=True):
    """Erase a person; `rooms` are the held rooms in which they appear."""

    actor: str
    rooms: frozenset[str] = frozenset()


class RecheckErasure(msgspec.Struct, frozen=True):
    """Check again whether a hold covers a waiting erasure; `rooms` are the held rooms in which the person appears."""

    actor: str
    rooms: frozenset[str] = frozenset()


class ConfirmErasure(msgspec.Struct, frozen=True):
    """The person's key is destroyed."""

    actor: str


class Hold(msgspec.Struct, frozen=True):
    """Place a hold on a person (`actor`) or on a room."""

    actor: str = ""
    room: str = ""
    reason: str = ""


class Release(msgspec.Struct, frozen=True):
    """Release the hold on a person or on a room."""

    actor: str = ""
    room: str = ""


PrivacyCommand = Erase | RecheckErasure | ConfirmErasure | Hold | Release


class State(msgspec.Struct, frozen=True):
    """The persons and rooms on hold, and the persons whose erasure waits or is due."""

    actors: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()
    due: frozenset[str] = frozenset()

    def covers(self, actor: str, rooms: frozenset[str]) -> bool:
        """Whether a hold prevents the erasure of this person, who appears in `rooms`."""
        return actor in self.actors or bool(self.rooms & rooms)


INITIAL = State()


def decide(state: State, command: PrivacyCommand, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """The events that the command causes; nothing is refused, and neither time nor new ids are needed."""
    match command:
        case Erase(actor, rooms):
            known = actor in state.waiting or actor in state.due
            return () if known else (ev.ErasureRequested(actor, state.covers(actor, rooms)),)
        case RecheckErasure(actor, rooms):
            free = actor in state.waiting and not state.covers(actor, rooms)
            return (ev.ErasureFreed(actor),) if free else ()
        case ConfirmErasure(actor):
            return (ev.UserErased(actor),) if actor in state.due else ()
        case Hold(actor, room, reason):
            is_held = actor in state.actors or room in state.rooms
            return () if is_held else (ev.HoldPlaced(actor, room, reason),)
        case Release(actor, room):
            is_held = actor in state.actors or room in state.rooms
            return (ev.HoldReleased(actor, room),) if is_held else ()
        case _:
            assert_never(command)


def evolve(state: State, event: ev.Event) -> State:
    """The state after one more event; total, and events of other aggregates change nothing."""
    change = msgspec.structs.replace
    match event:
        case ev.ErasureRequested(actor, waits):
            return change(state, waiting=state.waiting | {actor}) if waits else change(state, due=state.due | {actor})
        case ev.ErasureFreed(actor):
            return change(state, waiting=state.waiting - {actor}, due=state.due | {actor})
        case ev.UserErased(actor):
            return change(state, waiting=state.waiting - {actor}, due=state.due - {actor})
        case ev.HoldPlaced(actor, room, _):
            return change(state, actors=_with(state.actors, actor), rooms=_with(state.rooms, room))
        case ev.HoldReleased(actor, room):
            return change(state, actors=state.actors - {actor}, rooms=state.rooms - {room})
        case _:
            return state


AGGREGATE = Aggregate(ev.HoldPlaced.AGGREGATE, INITIAL, evolve)


def _with(names: frozenset[str], name: str) -> frozenset[str]:
    return names | {name} if name else names
