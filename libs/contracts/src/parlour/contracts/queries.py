"""Questions about a room's log (answered by `record`), the head beacon and gateway presence."""

import msgspec

from .codes import Problem
from .envelope import EventView
from .spelling import wire_name


class HeadQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Asks for a room's last position. `room_uid` empty: of the room's latest call."""

    room_uid: str = ""


class Head(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """`seq` 0 and an empty `room_uid`: the room was never opened."""

    room_uid: str = ""
    seq: int = 0
    hash: str = ""
    open: bool = False


class ReplayQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Events after `after`, at most `limit` (capped at 500). `hash8` is checked against ours at `after` when given."""

    room_uid: str = ""
    after: int = 0
    limit: int = 500
    hash8: str = ""


class Replay(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A page, in order; `more` tells that the log goes on. `diverged`: the asker's history is not ours."""

    head: Head
    events: tuple[EventView, ...] = ()
    more: bool = False
    diverged: bool = False
    problem: Problem | None = None


class SnapshotQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """The state as of `seq` or of `at` (unix microseconds); neither: as of now. `min_seq`: not older than that.

    `hash8` and `min_hash8` are checked against ours at `seq` and at `min_seq` when given: a place of another history is refused.
    `after`: as many rows as the asker has of it already, by pages of the same `room_uid` and `seq`.
    """

    room_uid: str = ""
    seq: int | None = None
    at: int | None = None
    min_seq: int = 0
    after: int = 0
    hash8: str = ""
    min_hash8: str = ""


class UserState(msgspec.Struct, frozen=True, rename=wire_name):
    """Somebody in the room; `joined_seq` orders users."""

    session_id: str
    actor: str
    user_id: str
    user_name: str
    suspended: bool
    joined_seq: int


class StreamState(msgspec.Struct, frozen=True, rename=wire_name):
    """A stream in the room; `added_seq` orders streams."""

    stream_id: str
    session_id: str
    actor: str
    node: str
    transport_id: str
    extra_info: str
    codec: str
    has_audio: bool
    has_video: bool
    added_seq: int
    players: tuple[str, ...] = ()
    """Session ids that play it, sorted; empty in views for members."""
    audio_muted: bool = False
    video_muted: bool = False


class ExtraState(msgspec.Struct, frozen=True, rename=wire_name):
    """One key of room extra information."""

    key: str
    value: str
    actor: str
    at: int


class RoomState(msgspec.Struct, frozen=True, rename=wire_name):
    """A room as of a position. Lists are in the order of the log."""

    app: int
    room: str
    room_uid: str
    seq: int
    at: int
    hash: str
    open: bool
    users: tuple[UserState, ...] = ()
    streams: tuple[StreamState, ...] = ()
    extra_info: tuple[ExtraState, ...] = ()
    max_member_count: int = 0
    messages: int = 0


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """The answer to a SnapshotQuery: a page of the state. `next`: the rows up to here; 0 on the last page. See kernel.paging."""

    state: RoomState | None = None
    next: int = 0
    problem: Problem | None = None


class RoomHead(msgspec.Struct, frozen=True, rename=wire_name):
    """One changed room in a beacon."""

    app: int
    room: str
    room_uid: str
    seq: int
    hash8: str


class HeadBeacon(msgspec.Struct, frozen=True, rename=wire_name):
    """Every second for each partition with rooms that changed."""

    p: int
    heads: tuple[RoomHead, ...]


PRESENCE_INTERVAL_S = 1.0
"""Between two `Presence` messages of a gateway."""
SESSIONS_PER_PRESENCE = 500
"""Sessions in one presence message: about 60 kB."""


class SessionHeartbeat(msgspec.Struct, frozen=True, rename=wire_name):
    """One session that a gateway holds a live connection for. `room` empty: whichever rooms it is in."""

    app: int
    room: str
    session_id: str


class Presence(msgspec.Struct, frozen=True, rename=wire_name):
    """A gateway's sessions with a live connection; all of them, in `parts` messages numbered from 0."""

    gateway: str
    beat: int
    part: int
    parts: int
    sessions: tuple[SessionHeartbeat, ...]


def presence_parts(name: str, beat: int, sessions: tuple[SessionHeartbeat, ...]) -> list[Presence]:
    """Splits a gateway's sessions into messages; an empty one if there are none, so that the gateway is known to be alive."""
    parts = max(1, -(-len(sessions) // SESSIONS_PER_PRESENCE))
    return [
        Presence(name, beat, n, parts, sessions[n * SESSIONS_PER_PRESENCE : (n + 1) * SESSIONS_PER_PRESENCE])
        for n in range(parts)
    ]


ROOMS_MOST = 500
"""Rooms in one page of `OpenRooms`."""


class RoomsQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """Rooms of the app that are open now, by name, after the room `after`. The asker's room stands in the subject; empty: all."""

    after: str = ""
    limit: int = 100


class OpenRoom(msgspec.Struct, frozen=True, rename=wire_name):
    """A room that is open, since `opened_at` (unix milliseconds), with the number of sessions inside."""

    room: str = msgspec.field(name="roomID")
    room_uid: str
    opened_at: int
    sessions: int


class OpenRooms(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A page of open rooms; `next` is the `after` of the next page, empty on the last."""

    rooms: tuple[OpenRoom, ...] = ()
    next: str = ""
    problem: Problem | None = None


class RoomUsers(msgspec.Struct, frozen=True, rename=wire_name):
    """Who is in a room as of a position, in the order of joining."""

    room: str = msgspec.field(name="roomID")
    position: str
    users: tuple[UserState, ...] = ()
