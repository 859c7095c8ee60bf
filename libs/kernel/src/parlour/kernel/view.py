"""The room as readers see it: one fold from event views to `RoomState`, used by replay, gateways, clients' tests and auditors.

Rules: 1. seq grows by one and each event cites the hash before it. 2. A view that a reader may not see arrives as a skip, which moves
the position only; the member's state (`members_only`) is the same whether audit events were seen or skipped.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import ExtraState, RoomState, StreamState, UserState
from parlour.contracts.upcasters import upcast

MESSAGES = frozenset({ev.BroadcastSent.TAG, ev.BarrageSent.TAG, ev.CommandSent.TAG})


class BrokenHistory(ValueError):
    """The next event does not continue the state's history."""


def empty_room(app: int, room: str, room_uid: str) -> RoomState:
    """Returns the state of a call before its first event."""
    return RoomState(app, room, room_uid, 0, 0, "0" * 64, False)


def event_of(view: EventView) -> ev.Event | None:
    """Decodes the event of a view; None for a type that this version does not know."""
    kind, stored = ev.BY_TAG.get(view.type), bytes(view.data)
    if kind is None:
        tag, stored = upcast(view.type, stored)
        kind = ev.BY_TAG.get(tag)
    return None if kind is None else msgspec.json.decode(stored, type=kind)


def apply(state: RoomState, view: EventView) -> RoomState:
    """Returns the state after one more event; BrokenHistory if it is not the next."""
    if view.seq != state.seq + 1 or view.prev != state.hash or view.room_uid != state.room_uid:
        raise BrokenHistory(f"event {view.seq} does not follow {state.seq}")
    if view.type in MESSAGES:  # most of a talk, and of each only that it was
        return replace(state, seq=view.seq, at=view.at, hash=view.hash, messages=state.messages + 1)
    event = event_of(view)
    changed = state if event is None else _evolve(state, event, view)
    return replace(changed, seq=view.seq, at=view.at, hash=view.hash)


def skip(state: RoomState, to_seq: int, hash_: str) -> RoomState:
    """Returns the state after events that this reader may not see."""
    return replace(state, seq=to_seq, hash=hash_)


def members_only(state: RoomState) -> RoomState:
    """Returns the state without what only an auditor sees: suspensions, players and the time of the last event."""
    users = tuple(replace(user, suspended=False) for user in state.users)
    streams = tuple(replace(stream, players=()) for stream in state.streams)
    return replace(state, users=users, streams=streams, at=0)


def _evolve(state: RoomState, event: ev.Event, view: EventView) -> RoomState:
    match event:
        case ev.RoomOpened():
            return replace(state, open=True, max_member_count=event.max_member_count)
        case ev.RoomClosed():  # a closed room holds no streams: their removal needs no events of its own
            return replace(state, open=False, streams=())
        case ev.UserJoined():
            user = UserState(event.session_id, event.actor, event.user_id, event.user_name, False, view.seq)
            return replace(state, users=(*_without(state.users, event.session_id), user))
        case ev.UserLeft() | ev.UserKicked():
            return replace(state, users=_without(state.users, event.session_id))
        case ev.UserSuspended() | ev.UserResumed():
            suspended, mine = isinstance(event, ev.UserSuspended), event.session_id
            users = (replace(u, suspended=suspended) if u.session_id == mine else u for u in state.users)
            return replace(state, users=tuple(users))
        case ev.RoomExtraInfoChanged():
            others = (extra for extra in state.extra_info if extra.key != event.key)
            entry = ExtraState(event.key, event.value, event.actor, view.at)
            return replace(state, extra_info=(*others, entry))
        case ev.StreamAdded() | ev.StreamUpdated():
            return _with_publication(state, event, view.seq)
        case ev.StreamRemoved():
            return replace(state, streams=tuple(s for s in state.streams if s.stream_id != event.stream_id))
        case ev.MutesChanged():
            mutes = {"audio_muted": event.audio_muted, "video_muted": event.video_muted}
            return _with_stream(state, event.stream_id, lambda stream: replace(stream, **mutes))
        case ev.PlayStarted():
            return _with_stream(state, event.stream_id, lambda s: _played_by(s, {*s.players, event.session_id}))
        case ev.PlayStopped() if not event.remaining:
            return _with_stream(state, event.stream_id, lambda s: _played_by(s, {*s.players} - {event.session_id}))
        case _:
            return state


def _without(users: tuple[UserState, ...], session_id: str) -> tuple[UserState, ...]:
    return tuple(user for user in users if user.session_id != session_id)


def _with_publication(state: RoomState, event: ev.StreamAdded | ev.StreamUpdated, seq: int) -> RoomState:
    """A stream that is published anew keeps its place, its players and its mutes."""
    described = (
        event.stream_id, event.session_id, event.actor, event.node, event.transport_id, event.extra_info, event.codec,
        event.has_audio, event.has_video,
    )  # fmt: skip
    if all(stream.stream_id != event.stream_id for stream in state.streams):
        return replace(state, streams=(*state.streams, StreamState(*described, seq)))

    def changed(before: StreamState) -> StreamState:
        return StreamState(*described, before.added_seq, before.players, before.audio_muted, before.video_muted)

    return _with_stream(state, event.stream_id, changed)


def _with_stream(state: RoomState, stream_id: str, change: Callable[[StreamState], StreamState]) -> RoomState:
    return replace(state, streams=tuple(change(s) if s.stream_id == stream_id else s for s in state.streams))


def _played_by(stream: StreamState, sessions: set[str]) -> StreamState:
    return replace(stream, players=tuple(sorted(sessions)))
