"""Messages in a room.

Invariants, cited by the tests:
1. Who speaks is in the room at that moment, with the session that speaks (1009005).
2. A text has 1 to 1,024 bytes (1009001, 1009002).
3. A command that names people reaches those of them who are in the room, each once, and nobody else; if none is there, nothing happens.
4. A command that names nobody is for all of the room.
5. Nothing here changes who is in the room.

A message said twice is two messages: that a repeated request says it once is the command id's doing, not this decider's.
"""

from typing import assert_never

import msgspec
from rpds import HashTrieMap

from parlour.contracts import commands as cmd
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_message
from parlour.kernel.decider import Ids
from parlour.kernel.rejection import Rejection

AGGREGATE = ev.BroadcastSent.AGGREGATE
MEMBER_AGGREGATES = (ev.UserJoined.AGGREGATE,)
"""The aggregates whose events say who is in the room."""


class Signal(msgspec.Struct, frozen=True):
    """A custom command, with actors in the place of the users that it names, or (None) for all of the room."""

    session_id: str
    text: str
    to: tuple[str, ...] | None = None


Message = cmd.SendBroadcast | cmd.SendBarrage | Signal


class Members(msgspec.Struct, frozen=True):
    """Who is in the room: actors by session id, and how many sessions each actor has. A room without members may be closed."""

    actors: "HashTrieMap[str, str]" = HashTrieMap()
    present: "HashTrieMap[str, int]" = HashTrieMap()


def decide(state: Members, command: Message, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """The event of the message; `Rejection` where a rule forbids it. Messages need neither time nor new ids."""
    check_message(command.text)
    actor = actor_of(state, command.session_id)
    match command:
        case cmd.SendBroadcast(session_id, text):
            return (ev.BroadcastSent(session_id, actor, text),)
        case cmd.SendBarrage(session_id, text):
            return (ev.BarrageSent(session_id, actor, text),)
        case Signal():
            return _signal(state, command, actor)
        case _:
            assert_never(command)


def _signal(room: Members, message: Signal, actor: str) -> tuple[ev.Event, ...]:
    if message.to is None:
        return (ev.CommandSent(message.session_id, actor, message.text),)
    reached = tuple(dict.fromkeys(one for one in message.to if one in room.present))
    return (ev.CommandSent(message.session_id, actor, message.text, reached),) if reached else ()


def actor_of(room: Members, session_id: str) -> str:
    """The actor whose session this is; `Rejection` by rule 1."""
    actor = room.actors.get(session_id)
    if actor is None:
        raise Rejection(Code.MESSAGE_ROOM, "you are not in this room", field="roomID", hint="log in first")
    return actor


def evolve(state: Members, event: ev.Event) -> Members:
    """The members after one more event; total."""
    match event:
        case ev.UserJoined(session_id, actor) if session_id not in state.actors:
            return Members(
                state.actors.insert(session_id, actor), state.present.insert(actor, state.present.get(actor, 0) + 1)
            )
        case ev.UserLeft(session_id) | ev.UserKicked(session_id) if session_id in state.actors:
            return _without(state, session_id)
        case ev.RoomOpened() | ev.RoomClosed():
            return Members()
        case _:
            return state


def _without(room: Members, session_id: str) -> Members:
    actor = room.actors[session_id]
    left = room.present[actor] - 1
    present = room.present.insert(actor, left) if left else room.present.remove(actor)
    return Members(room.actors.remove(session_id), present)
