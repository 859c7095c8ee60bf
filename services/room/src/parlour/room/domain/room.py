"""One call of a room: opened by its first login, closed when it is empty or by the server. The decider of the aggregate `room`.

Invariants, cited by the tests:
1. The first event is `room.opened`, the last `room.closed`; nothing follows that one and nobody is in the room then. A room that is
   empty closes behind the removal of its last stream: who left a stream there is gone before it is.
2. A session is in the room at most once; joining again changes nothing.
3. A user is in the room with at most one session: a later one puts the earlier one out (1002050) before it joins.
4. With a `max_member_count` there are never more members than that. Only the login that opens the room sets it.
5. Who leaves, is put out, suspended or resumed is a member; asking the same of anybody else changes nothing.
6. Only a suspended session expires.
7. The room has at most one key of extra information; only a member sets it.
8. Any command repeated decides nothing.
"""

from typing import assert_never

import msgspec
from rpds import HashTrieMap

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_room_extra
from parlour.kernel.decider import Ids
from parlour.kernel.rejection import Rejection

AGGREGATE = ev.RoomOpened.AGGREGATE


class Member(msgspec.Struct, frozen=True):
    """A session in the room; `order` counts joins."""

    session_id: str
    actor: str
    order: int
    suspended: bool = False


class Unopened(msgspec.Struct, frozen=True):
    """The call has no event yet."""


class Open(msgspec.Struct, frozen=True):
    """`members` by session id, `sessions` by actor, `streams` by id: the registry's, known here only to close behind them."""

    app: int
    room: str
    max_member_count: int = 0
    members: "HashTrieMap[str, Member]" = HashTrieMap()
    sessions: "HashTrieMap[str, str]" = HashTrieMap()
    streams: "HashTrieMap[str, str]" = HashTrieMap()
    joins: int = 0
    extra_key: str = ""
    extra_value: str = ""


class Closed(msgspec.Struct, frozen=True):
    """The call has ended: nothing follows its last event."""

    reason: str


State = Unopened | Open | Closed
INITIAL: State = Unopened()


class Join(msgspec.Struct, frozen=True):
    """A session enters. The first one opens the room `room` of `app`; `previous` is the position at which the call before ended."""

    app: int
    room: str
    session_id: str
    actor: str
    user_id: str
    user_name: str = ""
    user_update: bool = False
    max_member_count: int = 0
    previous: str = ""


class Leave(msgspec.Struct, frozen=True):
    """A session leaves of its own will."""

    session_id: str
    reason: str = "logout"


class Kick(msgspec.Struct, frozen=True):
    """An actor's session is put out; with a `session_id` only if it is that one."""

    actor: str
    code: Code = Code.KICKED_BY_SERVER
    reason: str = ""
    session_id: str = ""
    by: str = ""


class Close(msgspec.Struct, frozen=True):
    """Everybody is put out and the call ends."""

    reason: str
    by: str = ""


class CloseIfEmpty(msgspec.Struct, frozen=True):
    """The call ends if nobody is in the room and nothing is published there."""


class SetExtraInfo(msgspec.Struct, frozen=True):
    """A member sets the room's one key of extra information."""

    session_id: str
    key: str
    value: str


class Suspend(msgspec.Struct, frozen=True):
    """No gateway has had a connection of the session for the grace."""

    session_id: str


class Resume(msgspec.Struct, frozen=True):
    """A gateway has a connection of the session again."""

    session_id: str


class Expire(msgspec.Struct, frozen=True):
    """The heartbeat window of a suspended session is over."""

    session_id: str


RoomCommand = Join | Leave | Kick | Close | CloseIfEmpty | SetExtraInfo | Suspend | Resume | Expire


def decide(state: State, command: RoomCommand, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """The events that the command causes; `Rejection` where a rule forbids it. A room needs neither time nor new ids."""
    match state:
        case Unopened():
            return _open(command) if isinstance(command, Join) else _decide_closed(command)
        case Closed():
            return _decide_closed(command)
        case Open():
            return _decide_open(state, command)


def _open(command: Join) -> tuple[ev.Event, ...]:
    opened = ev.RoomOpened(command.app, command.room, max(0, command.max_member_count), command.previous)
    return opened, _joined(command)


def _decide_closed(command: RoomCommand) -> tuple[ev.Event, ...]:
    if isinstance(command, Join | SetExtraInfo):
        raise Rejection(Code.ROOM_GONE, "the room does not exist any more", field="roomID", hint="log in again")
    return ()


def _decide_open(room: Open, command: RoomCommand) -> tuple[ev.Event, ...]:  # one case for each command
    match command:
        case Join():
            return _join(room, command)
        case Leave(session_id, reason):
            return _leave(room, session_id, reason)
        case Kick():
            return _kick(room, command)
        case Close(reason, by):
            out = (_put_out(member, Code.KICKED_BY_SERVER, reason, by) for member in members_in_order(room))
            return *out, ev.RoomClosed(reason, by)
        case CloseIfEmpty():
            return (ev.RoomClosed("empty"),) if is_deserted(room) else ()
        case SetExtraInfo():
            return _set_extra(room, command)
        case Suspend(session_id):
            member = room.members.get(session_id)
            return (ev.UserSuspended(session_id, member.actor),) if member and not member.suspended else ()
        case Resume(session_id):
            member = room.members.get(session_id)
            return (ev.UserResumed(session_id, member.actor),) if member and member.suspended else ()
        case Expire(session_id):
            member = room.members.get(session_id)
            return _leave(room, session_id, "heartbeat_timeout") if member and member.suspended else ()
        case _:
            assert_never(command)


def _join(room: Open, command: Join) -> tuple[ev.Event, ...]:
    present = room.members.get(command.session_id)
    if present is not None:
        if present.actor != command.actor:
            raise Rejection(Code.FORBIDDEN, "the session belongs to another user", field="sessionID")
        return ()
    earlier = room.members.get(room.sessions.get(command.actor, ""))
    others = len(room.members) - (earlier is not None)
    if 0 < room.max_member_count <= others:
        limit = f"{room.max_member_count} members"
        raise Rejection(
            Code.ROOM_FULL, "the room is full", field="roomID", limit=limit, hint="try again when somebody has left"
        )
    joined = _joined(command)
    return (joined,) if earlier is None else (_put_out(earlier, Code.KICKED_LOGIN_ELSEWHERE, "login elsewhere"), joined)


def _joined(command: Join) -> ev.UserJoined:
    return ev.UserJoined(command.session_id, command.actor, command.user_id, command.user_name, command.user_update)


def _leave(room: Open, session_id: str, reason: str) -> tuple[ev.Event, ...]:
    member = room.members.get(session_id)
    return (ev.UserLeft(session_id, member.actor, reason),) if member else ()


def _kick(room: Open, command: Kick) -> tuple[ev.Event, ...]:
    member = room.members.get(room.sessions.get(command.actor, ""))
    if member is None or command.session_id not in ("", member.session_id):
        return ()
    return (_put_out(member, command.code, command.reason, command.by),)


def _put_out(member: Member, code: Code, reason: str, by: str = "") -> ev.UserKicked:
    return ev.UserKicked(member.session_id, member.actor, int(code), reason, by)


def _set_extra(room: Open, command: SetExtraInfo) -> tuple[ev.Event, ...]:
    member = room.members.get(command.session_id)
    if member is None:
        raise Rejection(Code.ROOM_GONE, "you are not in this room", field="roomID", hint="log in first")
    check_room_extra(command.key, command.value)
    if room.extra_key and room.extra_key != command.key:
        message = f"the room has a key already: {room.extra_key}"
        raise Rejection(Code.ROOM_EXTRA_KEYS, message, field="key", limit="1 key", hint="set that one")
    if (room.extra_key, room.extra_value) == (command.key, command.value):
        return ()
    return (ev.RoomExtraInfoChanged(member.actor, command.key, command.value),)


def is_deserted(room: Open) -> bool:
    """Whether nobody is in the room and nothing is published there."""
    return not len(room.members) and not len(room.streams)


def members_in_order(room: Open) -> list[Member]:
    """The members in the order in which they joined."""
    return sorted(room.members.values(), key=lambda member: member.order)


def evolve(state: State, event: ev.Event) -> State:
    """The state after one more event; total, since history is fact."""
    if isinstance(event, ev.RoomOpened):
        return Open(event.app, event.room, event.max_member_count)
    if isinstance(event, ev.RoomClosed):
        return Closed(event.reason)
    return _evolve_open(state, event) if isinstance(state, Open) else state


def _evolve_open(room: Open, event: ev.Event) -> Open:
    match event:
        case ev.UserJoined():
            return _with_member(room, event)
        case ev.UserLeft() | ev.UserKicked():
            return _without_member(room, event.session_id)
        case ev.UserSuspended():
            return _with_suspended(room, event.session_id, suspended=True)
        case ev.UserResumed():
            return _with_suspended(room, event.session_id, suspended=False)
        case ev.StreamAdded(stream_id=stream_id, session_id=session_id):
            return msgspec.structs.replace(room, streams=room.streams.insert(stream_id, session_id))
        case ev.StreamRemoved(stream_id=stream_id):
            return msgspec.structs.replace(room, streams=room.streams.discard(stream_id))
        case ev.RoomExtraInfoChanged():
            return msgspec.structs.replace(room, extra_key=event.key, extra_value=event.value)
        case _:
            return room


def _with_member(room: Open, event: ev.UserJoined) -> Open:
    member = Member(event.session_id, event.actor, room.joins + 1)
    return msgspec.structs.replace(
        room,
        members=room.members.insert(event.session_id, member),
        sessions=room.sessions.insert(event.actor, event.session_id),
        joins=room.joins + 1,
    )


def _without_member(room: Open, session_id: str) -> Open:
    member = room.members.get(session_id)
    if member is None:
        return room
    own = room.sessions.get(member.actor) == session_id
    return msgspec.structs.replace(
        room,
        members=room.members.remove(session_id),
        sessions=room.sessions.remove(member.actor) if own else room.sessions,
    )


def _with_suspended(room: Open, session_id: str, *, suspended: bool) -> Open:
    member = room.members.get(session_id)
    if member is None:
        return room
    changed = msgspec.structs.replace(member, suspended=suspended)
    return msgspec.structs.replace(room, members=room.members.insert(session_id, changed))
