"""The streams of a room: state and fold."""

from typing import TypeVar

import msgspec

from parlour.contracts import events as ev

K = TypeVar("K")
V = TypeVar("V")


class Stream(msgspec.Struct, frozen=True):
    """A stream that is published; it lives on one relay node, on one transport of its session."""

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
    """What a publisher holds back of a stream."""

    audio: bool = False
    video: bool = False


class Playing(msgspec.Struct, frozen=True):
    """One session's playing of one stream, on one transport or more (in the order they began)."""

    stream_id: str
    session_id: str
    actor: str
    node: str
    transports: tuple[str, ...]


class Streams(msgspec.Struct, frozen=True):
    """All streams of a room by id, and all plays by (session, stream). `open` while the room's life lasts; what was there at its end
    stays known, so that claims and transports can be given back."""

    open: bool = False
    streams: dict[str, Stream] = {}
    plays: dict[tuple[str, str], Playing] = {}
    mutes: dict[str, Mutes] = {}
    """By stream id; absent: nothing was ever muted."""

    def of_session(self, session_id: str) -> tuple[Stream, ...]:
        """What a session publishes."""
        return tuple(s for s in self.streams.values() if s.session_id == session_id)

    def plays_of(self, session_id: str) -> tuple[Playing, ...]:
        """What a session plays."""
        return tuple(p for p in self.plays.values() if p.session_id == session_id)


def evolve(state: Streams, event: ev.Event) -> Streams:
    """The state after one more event; events that mean nothing here change nothing."""
    match event:
        case ev.RoomOpened():
            return Streams(open=True)
        case ev.RoomClosed():
            return msgspec.structs.replace(state, open=False)
        case ev.StreamAdded() | ev.StreamUpdated():
            return _put(state, event)
        case ev.StreamRemoved(stream_id=stream_id):
            plays = {key: play for key, play in state.plays.items() if key[1] != stream_id}
            return msgspec.structs.replace(
                state, streams=_without(state.streams, stream_id), plays=plays, mutes=_without(state.mutes, stream_id)
            )
        case ev.MutesChanged(stream_id=stream_id, audio_muted=audio, video_muted=video):
            return msgspec.structs.replace(state, mutes={**state.mutes, stream_id: Mutes(audio, video)})
        case ev.PlayStarted():
            return _start(state, event)
        case ev.PlayStopped():
            return _stop(state, event)
        case _:
            return state


def _put(state: Streams, event: ev.StreamAdded | ev.StreamUpdated) -> Streams:
    stream = Stream(
        event.stream_id, event.session_id, event.actor, event.node, event.transport_id,
        event.extra_info, event.codec, event.has_audio, event.has_video,
    )  # fmt: skip
    return msgspec.structs.replace(state, streams={**state.streams, event.stream_id: stream})


def _start(state: Streams, event: ev.PlayStarted) -> Streams:
    key = (event.session_id, event.stream_id)
    before = state.plays.get(key)
    here = before.transports if before and before.node == event.node else ()
    kept = tuple(t for t in here if t != event.transport_id)
    play = Playing(event.stream_id, event.session_id, event.actor, event.node, (*kept, event.transport_id))
    return msgspec.structs.replace(state, plays={**state.plays, key: play})


def _stop(state: Streams, event: ev.PlayStopped) -> Streams:
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
