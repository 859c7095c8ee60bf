"""Who publishes and who plays what in a room: the decider of the aggregate `streams`.

Invariants
1. A stream id names at most one stream in a room, and its session never changes while it lives. (In the whole app: the claim
   `live_stream`, taken in the same unit.)
2. Only its own session updates or removes a stream; what the system ends (`End`) names the session or the transport that is gone.
3. Only a stream that is in this room is played; a play never outlives its stream.
4. Nothing happens in a room that is not open.
5. A command whose outcome already holds decides `()`: repeating any command is harmless.
"""

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_stream_extra, check_stream_id
from parlour.kernel.rejection import Rejection

from .state import Mutes, Playing, Stream, Streams

REMOVAL_CODES = {"logout": 1, "heartbeat_timeout": 2, "disconnected": 5, "room_closed": 6}
"""`stream.removed` code by the reason of `room.user_left`."""


class PutStream(msgspec.Struct, frozen=True):
    """The relay took the stream in: add it, or update the session's own."""

    stream: Stream


class RemoveStream(msgspec.Struct, frozen=True):
    """Its session stops publishing."""

    session_id: str
    stream_id: str


class SetExtra(msgspec.Struct, frozen=True):
    """Its session changes a stream's extra information."""

    session_id: str
    stream_id: str
    extra_info: str


class SetMutes(msgspec.Struct, frozen=True):
    """Its session holds something of a stream back, or nothing any more."""

    session_id: str
    stream_id: str
    mutes: Mutes


class StartPlay(msgspec.Struct, frozen=True):
    """The relay sends a stream to a session on a transport."""

    session_id: str
    actor: str
    stream_id: str
    transport_id: str


class EndPlay(msgspec.Struct, frozen=True):
    """A session plays a stream no more: on one transport, or (empty) on none at all."""

    session_id: str
    stream_id: str
    transport_id: str = ""
    reason: str = "stopped"


class EndSession(msgspec.Struct, frozen=True):
    """A session left the room: all its streams and plays end."""

    session_id: str
    code: int


class EndTransport(msgspec.Struct, frozen=True):
    """A publishing transport is gone and did not come back: the stream ends if it still lives on it."""

    stream_id: str
    transport_id: str


AnyStreamCommand = PutStream | RemoveStream | SetExtra | SetMutes | StartPlay | EndPlay | EndSession | EndTransport


def decide(state: Streams, command: AnyStreamCommand) -> tuple[ev.Event, ...]:
    """What happens, or a Rejection. Needs neither time nor new ids."""
    if not state.open and isinstance(command, RemoveStream | EndPlay | EndSession | EndTransport):
        return ()
    match command:
        case PutStream(stream=stream):
            return _put(state, stream)
        case RemoveStream(session_id=session_id, stream_id=stream_id):
            return _remove(state, session_id, stream_id)
        case SetExtra():
            return _extra(state, command)
        case SetMutes():
            return _mute(state, command)
        case StartPlay():
            return _start_play(state, command)
        case EndPlay():
            return _end_play(state, command)
        case EndSession(session_id=session_id, code=code):
            return _end_session(state, session_id, code)
        case EndTransport(stream_id=stream_id, transport_id=transport_id):
            stream = state.streams.get(stream_id)
            return (_removed(stream, 5),) if stream and stream.transport_id == transport_id else ()


def removal_code(event: ev.UserLeft | ev.UserKicked | ev.RoomClosed) -> int:
    """Why a leaver's streams end, as clients are told."""
    match event:
        case ev.UserLeft(reason=reason):
            return REMOVAL_CODES.get(reason, 1)
        case ev.UserKicked(code=code):
            return 3 if code == Code.KICKED_LOGIN_ELSEWHERE else 4
        case ev.RoomClosed():
            return 6


def check_publish(state: Streams, session_id: str, stream_id: str, extra_info: str) -> Stream | None:
    """Invariants 1 and 4 before a relay is asked; the session's own stream of that id, if any."""
    check_stream_id(stream_id)
    check_stream_extra(extra_info)
    require_open(state)
    stream = state.streams.get(stream_id)
    if stream is not None and stream.session_id != session_id:
        raise stream_exists(stream_id)
    return stream


def check_play(state: Streams, stream_id: str) -> Stream:
    """Invariants 3 and 4 before a relay is asked: the stream."""
    check_stream_id(stream_id)
    require_open(state)
    stream = state.streams.get(stream_id)
    if stream is None:
        raise Rejection.of(Code.PLAY_NO_STREAM, "the stream is not in this room", field="streamID",
                           hint="play streams that roomStreamUpdate announced")  # fmt: skip
    return stream


def require_open(state: Streams) -> None:
    """Invariant 4."""
    if not state.open:
        raise Rejection.of(Code.ROOM_NOT_LOGGED_IN, "the room is not open", field="roomID", hint="log in first")


def stream_exists(stream_id: str) -> Rejection:
    """The answer to whoever comes second."""
    return Rejection.of(Code.STREAM_EXISTS, f"stream {stream_id} is published already", field="streamID",
                        hint="stream ids are unique in an app: choose another")  # fmt: skip


def _put(state: Streams, stream: Stream) -> tuple[ev.Event, ...]:
    before = check_publish(state, stream.session_id, stream.stream_id, stream.extra_info)
    if before == stream:
        return ()
    event = ev.StreamAdded if before is None else ev.StreamUpdated
    return (event(**msgspec.structs.asdict(stream)),)


def _own(state: Streams, session_id: str, stream_id: str) -> Stream | None:
    stream = state.streams.get(stream_id)
    if stream is not None and stream.session_id != session_id:
        raise Rejection.of(Code.NOT_PUBLISHING, "another session publishes this stream", field="streamID")
    return stream


def _remove(state: Streams, session_id: str, stream_id: str) -> tuple[ev.Event, ...]:
    check_stream_id(stream_id)
    stream = _own(state, session_id, stream_id)
    return () if stream is None else (_removed(stream, 1),)


def _published(state: Streams, session_id: str, stream_id: str) -> Stream:
    """Invariants 2 and 4 for a change of what is there."""
    check_stream_id(stream_id)
    require_open(state)
    stream = _own(state, session_id, stream_id)
    if stream is None:
        raise Rejection.of(
            Code.NOT_PUBLISHING, "the stream is not published", field="streamID", hint="publish it first"
        )
    return stream


def _mute(state: Streams, command: SetMutes) -> tuple[ev.Event, ...]:
    stream = _published(state, command.session_id, command.stream_id)
    if state.mutes.get(stream.stream_id, Mutes()) == command.mutes:
        return ()
    mutes = command.mutes
    return (ev.MutesChanged(stream.stream_id, stream.session_id, stream.actor, mutes.audio, mutes.video),)


def _extra(state: Streams, command: SetExtra) -> tuple[ev.Event, ...]:
    check_stream_extra(command.extra_info)
    stream = _published(state, command.session_id, command.stream_id)
    if stream.extra_info == command.extra_info:
        return ()
    changed = msgspec.structs.replace(stream, extra_info=command.extra_info)
    return (ev.StreamUpdated(**msgspec.structs.asdict(changed)),)


def _start_play(state: Streams, command: StartPlay) -> tuple[ev.Event, ...]:
    stream = check_play(state, command.stream_id)
    before = state.plays.get((command.session_id, command.stream_id))
    if before is not None and command.transport_id in before.transports and before.node == stream.node:
        return ()
    return (ev.PlayStarted(command.stream_id, command.session_id, command.actor, stream.node, command.transport_id),)


def _end_play(state: Streams, command: EndPlay) -> tuple[ev.Event, ...]:
    check_stream_id(command.stream_id)
    play = state.plays.get((command.session_id, command.stream_id))
    if play is None or (command.transport_id and command.transport_id not in play.transports):
        return ()
    remaining = len(play.transports) - 1 if command.transport_id else 0
    return (_stopped(play, command.reason, command.transport_id, remaining),)


def _end_session(state: Streams, session_id: str, code: int) -> tuple[ev.Event, ...]:
    own = state.of_session(session_id)
    gone = {stream.stream_id for stream in own}
    removed = tuple(_removed(stream, code) for stream in own)
    return removed + tuple(_stopped(p, "left") for p in state.plays_of(session_id) if p.stream_id not in gone)


def _removed(stream: Stream, code: int) -> ev.StreamRemoved:
    return ev.StreamRemoved(stream.stream_id, stream.session_id, stream.actor, code)


def _stopped(play: Playing, reason: str, transport_id: str = "", remaining: int = 0) -> ev.PlayStopped:
    return ev.PlayStopped(play.stream_id, play.session_id, play.actor, reason, transport_id, remaining)
