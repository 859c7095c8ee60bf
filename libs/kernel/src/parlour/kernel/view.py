"""The room as readers see it: one fold from event views to `RoomState`, used by replay, gateways, clients' tests and auditors.

Rules: 1. seq grows by one and each event cites the hash before it. 2. A view that a reader may not see arrives as a skip, which moves
the position only; the member's state (`members_only`) is the same whether audit events were seen or skipped.
"""

from collections.abc import Callable

import msgspec

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
        return msgspec.structs.replace(state, seq=view.seq, at=view.at, hash=view.hash, messages=state.messages + 1)
    event = event_of(view)
    changed = state if event is None else _evolve(state, event, view)
    return msgspec.structs.replace(changed, seq=view.seq, at=view.at, hash=view.hash)


def skip(state: RoomState, to_seq: int, hash_: str) -> RoomState:
    """Returns the state after events that this reader may not see."""
    return msgspec.structs.replace(state, seq=to_seq, hash=hash_)


def members_only(state: RoomState) -> RoomState:
    """Returns the state without what only an auditor sees: suspensions, players and the time of the last event."""
    users = tuple(msgspec.structs.replace(user, suspended=False) for user in state.users)
    streams = tuple(msgspec.structs.replace(stream, players=()) for stream in state.streams)
    return msgspec.structs.replace(state, users=users, streams=streams, at=0)


def _evolve(state: RoomState, event: ev.Event, view: EventView) -> RoomState:
    change = _CHANGES.get(type(event))
    return state if change is None else change(state, event, view)


def _opened(state: RoomState, event: ev.RoomOpened, view: EventView) -> RoomState:
    return msgspec.structs.replace(state, open=True, max_member_count=event.max_member_count)


def _joined(state: RoomState, event: ev.UserJoined, view: EventView) -> RoomState:
    user = UserState(event.session_id, event.actor, event.user_id, event.user_name, False, view.seq)
    others = tuple(u for u in state.users if u.session_id != event.session_id)
    return msgspec.structs.replace(state, users=(*others, user))


def _suspension(state: RoomState, session_id: str, suspended: bool) -> RoomState:
    users = tuple(
        msgspec.structs.replace(u, suspended=suspended) if u.session_id == session_id else u for u in state.users
    )
    return msgspec.structs.replace(state, users=users)


def _suspended(state: RoomState, event: ev.UserSuspended, view: EventView) -> RoomState:
    return _suspension(state, event.session_id, True)


def _resumed(state: RoomState, event: ev.UserResumed, view: EventView) -> RoomState:
    return _suspension(state, event.session_id, False)


def _gone(state: RoomState, event: ev.UserLeft | ev.UserKicked, view: EventView) -> RoomState:
    return msgspec.structs.replace(state, users=tuple(u for u in state.users if u.session_id != event.session_id))


def _closed(state: RoomState, event: ev.RoomClosed, view: EventView) -> RoomState:
    """Returns the state of a closed room, which holds no streams: their removal needs no events of its own."""
    return msgspec.structs.replace(state, open=False, streams=())


def _extra(state: RoomState, event: ev.RoomExtraInfoChanged, view: EventView) -> RoomState:
    entry = ExtraState(event.key, event.value, event.actor, view.at)
    return msgspec.structs.replace(state, extra_info=(*(e for e in state.extra_info if e.key != event.key), entry))


def _added(state: RoomState, event: ev.StreamAdded | ev.StreamUpdated, view: EventView) -> RoomState:
    before = next((s for s in state.streams if s.stream_id == event.stream_id), None)
    stream = StreamState(
        event.stream_id, event.session_id, event.actor, event.node, event.transport_id, event.extra_info, event.codec,
        event.has_audio, event.has_video, before.added_seq if before else view.seq, before.players if before else (),
        before is not None and before.audio_muted, before is not None and before.video_muted,
    )  # fmt: skip
    if before is None:
        return msgspec.structs.replace(state, streams=(*state.streams, stream))
    return msgspec.structs.replace(state, streams=tuple(stream if s is before else s for s in state.streams))


def _removed(state: RoomState, event: ev.StreamRemoved, view: EventView) -> RoomState:
    return msgspec.structs.replace(state, streams=tuple(s for s in state.streams if s.stream_id != event.stream_id))


def _mutes(state: RoomState, event: ev.MutesChanged, view: EventView) -> RoomState:
    def changed(stream: StreamState) -> StreamState:
        return msgspec.structs.replace(stream, audio_muted=event.audio_muted, video_muted=event.video_muted)

    streams = tuple(changed(s) if s.stream_id == event.stream_id else s for s in state.streams)
    return msgspec.structs.replace(state, streams=streams)


def _players(state: RoomState, stream_id: str, change: Callable[[frozenset[str]], frozenset[str]]) -> RoomState:
    streams = tuple(
        msgspec.structs.replace(s, players=tuple(sorted(change(frozenset(s.players)))))
        if s.stream_id == stream_id
        else s
        for s in state.streams
    )
    return msgspec.structs.replace(state, streams=streams)


def _play_started(state: RoomState, event: ev.PlayStarted, view: EventView) -> RoomState:
    return _players(state, event.stream_id, lambda players: players | {event.session_id})


def _play_stopped(state: RoomState, event: ev.PlayStopped, view: EventView) -> RoomState:
    if event.remaining:
        return state
    return _players(state, event.stream_id, lambda players: players - {event.session_id})


_Change = Callable[[RoomState, ev.Event, EventView], RoomState]
_CHANGES: dict[type[ev.Event], _Change] = {  # pyright: ignore[reportAssignmentType] each function takes its own event type
    ev.RoomOpened: _opened,
    ev.UserJoined: _joined,
    ev.UserSuspended: _suspended,
    ev.UserResumed: _resumed,
    ev.UserLeft: _gone,
    ev.UserKicked: _gone,
    ev.RoomClosed: _closed,
    ev.RoomExtraInfoChanged: _extra,
    ev.StreamAdded: _added,
    ev.StreamUpdated: _added,
    ev.StreamRemoved: _removed,
    ev.MutesChanged: _mutes,
    ev.PlayStarted: _play_started,
    ev.PlayStopped: _play_stopped,
}
