"""A room's state as one of its clients sees it: without itself, without what only auditors see."""

import msgspec

from parlour.contracts import client
from parlour.contracts.ids import Position
from parlour.contracts.queries import RoomState

PAGE_BYTES = 60 * 1024
"""Of users and streams in one frame: with the rest of it no more than what a client may send."""

_encode = msgspec.json.Encoder().encode


class Lists(msgspec.Struct, frozen=True):
    """What `login` and `snap` carry."""

    pos: str
    users: tuple[client.UserRef, ...]
    streams: tuple[client.StreamFace, ...]
    extra_info: tuple[client.ExtraInfo, ...]


def position_of(state: RoomState) -> str:
    """The position that the state stands at."""
    return str(Position(state.room_uid, state.seq, state.hash[:16]))


def lists_for(state: RoomState, session_id: str) -> Lists:
    """The lists for one session, in the order of the log. A suspended user is still in the room."""
    faces = {user.actor: client.UserRef(user.user_id, user.user_name) for user in state.users}
    users = tuple(faces[user.actor] for user in state.users if user.session_id != session_id)
    streams = tuple(
        client.StreamFace(
            s.stream_id,
            faces.get(s.actor, client.UserRef("")),
            s.extra_info,
            s.has_audio,
            s.has_video,
            s.codec,
            s.audio_muted,
            s.video_muted,
        )
        for s in state.streams
        if s.session_id != session_id
    )
    extra = tuple(
        client.ExtraInfo(e.key, e.value, faces.get(e.actor, client.UserRef("")), e.at // 1000) for e in state.extra_info
    )
    return Lists(position_of(state), users, streams, extra)


def paged(room: str, lists: Lists) -> tuple[tuple[client.Page, ...], Lists]:
    """The pages to send first, and what is left for the frame that they belong to."""
    pages: list[client.Page] = []
    users: list[client.UserRef] = []
    streams: list[client.StreamFace] = []
    size = 0
    for entry in (*lists.users, *lists.streams):
        weight = len(_encode(entry)) + 1
        if size + weight > PAGE_BYTES:
            pages.append(client.Page(room, tuple(users), tuple(streams)))
            users, streams, size = [], [], 0
        if isinstance(entry, client.UserRef):
            users.append(entry)
        else:
            streams.append(entry)
        size += weight
    return tuple(pages), msgspec.structs.replace(lists, users=tuple(users), streams=tuple(streams))


def snap_for(state: RoomState, session_id: str) -> tuple[client.ServerFrame, ...]:
    """The `snap` frame for one session, behind its pages."""
    pages, lists = paged(state.room, lists_for(state, session_id))
    snap = client.Snap(
        room_id=state.room, pos=lists.pos, users=lists.users, streams=lists.streams, extra_info=lists.extra_info
    )
    return *pages, snap
