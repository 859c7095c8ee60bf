"""Erasures and legal holds of one app.

Invariants: 1. An erasure that no hold covers is due at once, and a later hold does not stop it. 2. One that a hold covers waits, and
becomes due when no hold covers it any more. 3. That somebody is erased is said only after their key is gone. 4. Each is said once.
"""

import msgspec

from parlour.contracts import events as ev

AGGREGATE = "privacy"


class Erase(msgspec.Struct, frozen=True):
    """`rooms`: the held rooms that the person appears in."""

    actor: str
    rooms: frozenset[str] = frozenset()


class Free(msgspec.Struct, frozen=True):
    """Look again whether a waiting erasure is still covered."""

    actor: str
    rooms: frozenset[str] = frozenset()


class Done(msgspec.Struct, frozen=True):
    """The person's key is gone."""

    actor: str


class Hold(msgspec.Struct, frozen=True):
    """On a person (`actor`) or on a room."""

    actor: str = ""
    room: str = ""
    reason: str = ""


class Release(msgspec.Struct, frozen=True):
    """Of a hold."""

    actor: str = ""
    room: str = ""


PrivacyCommand = Erase | Free | Done | Hold | Release


class State(msgspec.Struct, frozen=True):
    """What is held, and whose erasure waits or is due."""

    actors: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()
    due: frozenset[str] = frozenset()

    def covers(self, actor: str, rooms: frozenset[str]) -> bool:
        """Whether a hold stands against this person's erasure."""
        return actor in self.actors or bool(self.rooms & rooms)


INITIAL = State()


def decide(state: State, command: PrivacyCommand) -> tuple[ev.Event, ...]:
    """See the invariants."""
    match command:
        case Erase(actor, rooms):
            known = actor in state.waiting or actor in state.due
            return () if known else (ev.ErasureRequested(actor, state.covers(actor, rooms)),)
        case Free(actor, rooms):
            free = actor in state.waiting and not state.covers(actor, rooms)
            return (ev.ErasureFreed(actor),) if free else ()
        case Done(actor):
            return (ev.UserErased(actor),) if actor in state.due else ()
        case Hold(actor, room, reason):
            held = actor in state.actors or room in state.rooms
            return () if held else (ev.HoldPlaced(actor, room, reason),)
        case Release(actor, room):
            held = actor in state.actors or room in state.rooms
            return (ev.HoldReleased(actor, room),) if held else ()


def evolve(state: State, event: ev.Event) -> State:
    """The state after a fact; others' facts change nothing."""
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


def _with(names: frozenset[str], name: str) -> frozenset[str]:
    return names | {name} if name else names
