"""A room's state as one of its clients sees it: without itself, without what only auditors see."""

import msgspec

from parlour.contracts import client
from parlour.contracts.ids import Position
from parlour.contracts.queries import RoomState

PAGE_BYTES = 60 * 1024
"""Of users and streams in one frame; with the rest of the frame this stays below `FRAME_BYTES`."""

_encode = msgspec.json.Encoder().encode


class RoomLists(msgspec.Struct, frozen=True):
    """What the answer to `login` and the `snap` frame carry."""

    pos: str
    users: tuple[client.UserRef, ...]
    streams: tuple[client.StreamFace, ...]
    extra_info: tuple[client.ExtraInfo, ...]


def _position_of(state: RoomState) -> str:
    """Returns the position of a reader that has read the state."""
    return str(Position(state.room_uid, state.seq, state.hash[:16]))


def room_lists(state: RoomState, session_id: str) -> RoomLists:
    """Returns the lists for one session, in the order of the log. A suspended user is still in the room."""
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
    return RoomLists(_position_of(state), users, streams, extra)


def split_lists(room: str, lists: RoomLists) -> tuple[tuple[client.Page, ...], RoomLists]:
    """Splits lists into `page` frames of `PAGE_BYTES` to send first, and the rest for the frame that they belong to."""
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


def snapshot_frames(state: RoomState, session_id: str) -> tuple[client.ServerFrame, ...]:
    """Returns the `snap` frame for one session, behind its pages."""
    pages, lists = split_lists(state.room, room_lists(state, session_id))
    snap = client.Snap(
        room_id=state.room, pos=lists.pos, users=lists.users, streams=lists.streams, extra_info=lists.extra_info
    )
    return *pages, snap
