"""Who publishes and who plays what in a room: the decider of the aggregate `streams`.

Invariants, cited by the tests:
1. A stream id names at most one stream in a room, and its session never changes while it lives. (In the whole app: the claim
   `live_stream`, taken in the same unit.)
2. Only its own session updates or removes a stream; what the system ends (`EndSession`, `EndTransport`) names the session or the
   transport that is gone.
3. Only a stream that is in this room is played; a play never outlives its stream.
4. Nothing happens in a room that is not open.
5. A command whose outcome already holds decides `()`: repeating any command is harmless.
"""

from typing import TypeVar, assert_never

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_stream_extra, check_stream_id
from parlour.kernel.decider import Ids
from parlour.kernel.rejection import Rejection

AGGREGATE = ev.StreamAdded.AGGREGATE
REMOVAL_CODES = {"logout": 1, "heartbeat_timeout": 2, "disconnected": 5, "room_closed": 6}
"""`stream.removed` code by the reason of `room.user_left`."""

K = TypeVar("K")
V = TypeVar("V")


class Stream(msgspec.Struct, frozen=True):
    """A stream that is published, on one relay node and on one transport of its session; its fields are those of `PublicationEvent`."""

    stream_id: str
    session_id: str
    actor: str
    node: str
    transport_id: str
    extra_info: str
    codec: str
    has_audio: bool
    has_video: bool


class Mutes(msgspec.Struct, frozen=True):
    """The media that a publisher does not send although the stream has them."""

    audio: bool = False
    video: bool = False


class Play(msgspec.Struct, frozen=True):
    """One session that plays one stream, on one transport or more (in the order in which they began)."""

    stream_id: str
    session_id: str
    actor: str
    node: str
    transports: tuple[str, ...]


class Streams(msgspec.Struct, frozen=True):
    """All streams of a room and their mutes by stream id, and all plays by (session, stream)."""

    streams: dict[str, Stream] = {}
    plays: dict[tuple[str, str], Play] = {}
    mutes: dict[str, Mutes] = {}
    """A stream without an entry was never muted."""

    def of_session(self, session_id: str) -> tuple[Stream, ...]:
        """The streams that a session publishes."""
        return tuple(stream for stream in self.streams.values() if stream.session_id == session_id)

    def plays_of(self, session_id: str) -> tuple[Play, ...]:
        """The plays of a session."""
        return tuple(play for play in self.plays.values() if play.session_id == session_id)


class Open(Streams, frozen=True):
    """The room is open: sessions publish and play."""


class Closed(Streams, frozen=True):
    """The room is closed, or was never opened. What it had in the end stays known, so that claims and transports can be given back."""


State = Open | Closed
INITIAL: State = Closed()


class PutStream(msgspec.Struct, frozen=True):
    """The relay accepted the stream: add it, or update the session's own."""

    stream: Stream


class RemoveStream(msgspec.Struct, frozen=True):
    """The session that publishes the stream ends it."""

    session_id: str
    stream_id: str


class SetExtra(msgspec.Struct, frozen=True):
    """The session that publishes the stream changes its extra information."""

    session_id: str
    stream_id: str
    extra_info: str


class SetMutes(msgspec.Struct, frozen=True):
    """The session that publishes the stream mutes or unmutes its media."""

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
    """A session stops playing a stream: on one transport, or (empty) on all of them."""

    session_id: str
    stream_id: str
    transport_id: str = ""
    reason: str = "stopped"


class EndSession(msgspec.Struct, frozen=True):
    """A session left the room: all its streams and plays end; `code` is what the streams' removal says."""

    session_id: str
    code: int


class EndTransport(msgspec.Struct, frozen=True):
    """A publishing transport ended and was not replaced in time: the stream ends if it is still on that transport."""

    stream_id: str
    transport_id: str


EndCommand = RemoveStream | EndPlay | EndSession | EndTransport
StreamCommand = PutStream | SetExtra | SetMutes | StartPlay | EndCommand


def decide(state: State, command: StreamCommand, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """The events that the command causes; `Rejection` where a rule forbids it. Streams need neither time nor new ids."""
    match state:
        case Open():
            return _decide_open(state, command)
        case Closed():
            if isinstance(command, EndCommand):
                return ()
            raise room_not_open()


def _decide_open(state: Open, command: StreamCommand) -> tuple[ev.Event, ...]:
    match command:
        case PutStream(stream):
            return _put(state, stream)
        case RemoveStream(session_id, stream_id):
            stream = _own(state, session_id, check_stream_id(stream_id))
            return (_removed(stream, REMOVAL_CODES["logout"]),) if stream else ()
        case SetExtra():
            return _set_extra(state, command)
        case SetMutes():
            return _set_mutes(state, command)
        case StartPlay():
            return _start_play(state, command)
        case EndPlay():
            return _end_play(state, command)
        case EndSession(session_id, code):
            return _end_session(state, session_id, code)
        case EndTransport(stream_id, transport_id):
            stream = state.streams.get(stream_id)
            on_it = stream is not None and stream.transport_id == transport_id
            return (_removed(stream, REMOVAL_CODES["disconnected"]),) if stream and on_it else ()
        case _:
            assert_never(command)


def check_publish(state: State, session_id: str, stream_id: str, extra_info: str) -> Stream | None:
    """Checks invariants 1 and 4 before a relay is asked; returns the session's own stream of that id, if it has one."""
    check_stream_id(stream_id)
    check_stream_extra(extra_info)
    if isinstance(state, Closed):
        raise room_not_open()
    stream = state.streams.get(stream_id)
    if stream is not None and stream.session_id != session_id:
        raise stream_exists(stream_id)
    return stream


def check_play(state: State, stream_id: str) -> Stream:
    """Checks invariants 3 and 4 before a relay is asked; returns the stream."""
    check_stream_id(stream_id)
    if isinstance(state, Closed):
        raise room_not_open()
    stream = state.streams.get(stream_id)
    if stream is None:
        raise Rejection(Code.PLAY_NO_STREAM, "the stream is not in this room", field="streamID",
                           hint="play streams that roomStreamUpdate announced")  # fmt: skip
    return stream


def room_not_open() -> Rejection:
    """The refusal by invariant 4."""
    return Rejection(Code.ROOM_NOT_LOGGED_IN, "the room is not open", field="roomID", hint="log in first")


def stream_exists(stream_id: str) -> Rejection:
    """The refusal by invariant 1, for the session that publishes the id second."""
    return Rejection(Code.STREAM_EXISTS, f"stream {stream_id} is published already", field="streamID",
                        hint="stream ids are unique in an app: choose another")  # fmt: skip


def _put(state: Open, stream: Stream) -> tuple[ev.Event, ...]:
    before = check_publish(state, stream.session_id, stream.stream_id, stream.extra_info)
    if before == stream:
        return ()
    event = ev.StreamAdded if before is None else ev.StreamUpdated
    return (event(**msgspec.structs.asdict(stream)),)


def _own(state: Open, session_id: str, stream_id: str) -> Stream | None:
    """Returns a session's own stream (invariant 2); None where there is none, `Rejection` where it is another's."""
    stream = state.streams.get(stream_id)
    if stream is not None and stream.session_id != session_id:
        raise Rejection(Code.NOT_PUBLISHING, "another session publishes this stream", field="streamID")
    return stream


def _published(state: Open, session_id: str, stream_id: str) -> Stream:
    stream = _own(state, session_id, check_stream_id(stream_id))
    if stream is None:
        raise Rejection(Code.NOT_PUBLISHING, "the stream is not published", field="streamID", hint="publish it first")
    return stream


def _set_mutes(state: Open, command: SetMutes) -> tuple[ev.Event, ...]:
    stream = _published(state, command.session_id, command.stream_id)
    mutes = command.mutes
    if state.mutes.get(stream.stream_id, Mutes()) == mutes:
        return ()
    return (ev.MutesChanged(stream.stream_id, stream.session_id, stream.actor, mutes.audio, mutes.video),)


def _set_extra(state: Open, command: SetExtra) -> tuple[ev.Event, ...]:
    check_stream_extra(command.extra_info)
    stream = _published(state, command.session_id, command.stream_id)
    if stream.extra_info == command.extra_info:
        return ()
    changed = msgspec.structs.replace(stream, extra_info=command.extra_info)
    return (ev.StreamUpdated(**msgspec.structs.asdict(changed)),)


def _start_play(state: Open, command: StartPlay) -> tuple[ev.Event, ...]:
    stream = check_play(state, command.stream_id)
    before = state.plays.get((command.session_id, command.stream_id))
    if before is not None and command.transport_id in before.transports and before.node == stream.node:
        return ()
    return (ev.PlayStarted(command.stream_id, command.session_id, command.actor, stream.node, command.transport_id),)


def _end_play(state: Open, command: EndPlay) -> tuple[ev.Event, ...]:
    check_stream_id(command.stream_id)
    play = state.plays.get((command.session_id, command.stream_id))
    if play is None or (command.transport_id and command.transport_id not in play.transports):
        return ()
    remaining = len(play.transports) - 1 if command.transport_id else 0
    return (_stopped(play, command.reason, command.transport_id, remaining),)


def _end_session(state: Open, session_id: str, code: int) -> tuple[ev.Event, ...]:
    own = state.of_session(session_id)
    gone = {stream.stream_id for stream in own}
    removed = tuple(_removed(stream, code) for stream in own)
    return removed + tuple(_stopped(play, "left") for play in state.plays_of(session_id) if play.stream_id not in gone)


def _removed(stream: Stream, code: int) -> ev.StreamRemoved:
    return ev.StreamRemoved(stream.stream_id, stream.session_id, stream.actor, code)


def _stopped(play: Play, reason: str, transport_id: str = "", remaining: int = 0) -> ev.PlayStopped:
    return ev.PlayStopped(play.stream_id, play.session_id, play.actor, reason, transport_id, remaining)


def evolve(state: State, event: ev.Event) -> State:
    """The state after one more event; total, and events of other aggregates change nothing but `room.opened` and `room.closed`."""
    match event:
        case ev.RoomOpened():
            return Open()
        case ev.RoomClosed():
            return Closed(state.streams, state.plays, state.mutes)
        case ev.StreamAdded() | ev.StreamUpdated():
            return _with_stream(state, event)
        case ev.StreamRemoved(stream_id=stream_id):
            plays = {key: play for key, play in state.plays.items() if key[1] != stream_id}
            return msgspec.structs.replace(
                state, streams=_without(state.streams, stream_id), plays=plays, mutes=_without(state.mutes, stream_id)
            )
        case ev.MutesChanged(stream_id=stream_id, audio_muted=audio, video_muted=video):
            return msgspec.structs.replace(state, mutes={**state.mutes, stream_id: Mutes(audio, video)})
        case ev.PlayStarted():
            return _with_play(state, event)
        case ev.PlayStopped():
            return _without_play(state, event)
        case _:
            return state


def _with_stream(state: State, event: ev.StreamAdded | ev.StreamUpdated) -> State:
    stream = Stream(*msgspec.structs.astuple(event))
    return msgspec.structs.replace(state, streams={**state.streams, event.stream_id: stream})


def _with_play(state: State, event: ev.PlayStarted) -> State:
    key = (event.session_id, event.stream_id)
    before = state.plays.get(key)
    here = before.transports if before and before.node == event.node else ()
    others = tuple(transport for transport in here if transport != event.transport_id)
    play = Play(event.stream_id, event.session_id, event.actor, event.node, (*others, event.transport_id))
    return msgspec.structs.replace(state, plays={**state.plays, key: play})


def _without_play(state: State, event: ev.PlayStopped) -> State:
    key = (event.session_id, event.stream_id)
    before = state.plays.get(key)
    if before is None:
        return state
    left = tuple(t for t in before.transports if t != event.transport_id) if event.remaining else ()
    if not left:
        return msgspec.structs.replace(state, plays=_without(state.plays, key))
    return msgspec.structs.replace(state, plays={**state.plays, key: msgspec.structs.replace(before, transports=left)})


def _without(mapping: dict[K, V], key: K) -> dict[K, V]:
    return {k: v for k, v in mapping.items() if k != key}
