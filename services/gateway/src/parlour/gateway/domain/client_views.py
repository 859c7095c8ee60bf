"""A room's state as one of its clients sees it: without itself, without what only auditors see."""

import msgspec

from parlour.contracts import client
from parlour.contracts.ids import Position
from parlour.contracts.queries import RoomState

PAGE_BYTES = 60 * 1024
"""Most bytes of users and streams in one frame; with the rest of the frame they stay below `FRAME_BYTES`."""

_encode = msgspec.json.Encoder().encode


def snapshot_of(state: RoomState, session_id: str) -> client.Snap:
    """Returns the room for one session, its lists in the order of the log. A suspended user is still in the room."""
    refs = {user.actor: client.UserRef(user.user_id, user.user_name) for user in state.users}
    users = tuple(refs[user.actor] for user in state.users if user.session_id != session_id)
    nobody = client.UserRef("")
    streams = tuple(
        client.StreamEntry(
            s.stream_id, refs.get(s.actor, nobody), s.extra_info, s.has_audio, s.has_video, s.codec, s.audio_muted, s.video_muted,
        )
        for s in state.streams if s.session_id != session_id
    )  # fmt: skip
    extra = tuple(client.ExtraInfo(e.key, e.value, refs.get(e.actor, nobody), e.at // 1000) for e in state.extra_info)
    position = Position(state.room_uid, state.seq, state.hash[:16])
    return client.Snap(room_id=state.room, pos=str(position), users=users, streams=streams, extra_info=extra)


def snapshot_frames(state: RoomState, session_id: str) -> tuple[tuple[client.Page, ...], client.Snap]:
    """Returns the room for one session as `page` frames of `PAGE_BYTES` to send first, and the rest as `snap` frame."""
    snap = snapshot_of(state, session_id)
    pages: list[client.Page] = []
    users: list[client.UserRef] = []
    streams: list[client.StreamEntry] = []
    size = 0
    for entry in (*snap.users, *snap.streams):
        weight = len(_encode(entry)) + 1
        if size + weight > PAGE_BYTES:
            pages.append(client.Page(state.room, tuple(users), tuple(streams)))
            users, streams, size = [], [], 0
        if isinstance(entry, client.UserRef):
            users.append(entry)
        else:
            streams.append(entry)
        size += weight
    return tuple(pages), msgspec.structs.replace(snap, users=tuple(users), streams=tuple(streams))
