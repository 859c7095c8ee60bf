"""What services hold in memory of a room, as `DescribeRoom` and `DescribeStreams` are answered."""

import msgspec


class LiveRoom(msgspec.Struct, frozen=True):
    """The answer to `DescribeRoom`: the sessions in the room, sorted."""

    room_uid: str
    open: bool
    sessions: tuple[str, ...]


class LiveStream(msgspec.Struct, frozen=True):
    """One stream as the registry holds it; `players` are session ids, sorted."""

    stream_id: str
    session_id: str
    node: str
    transport_id: str
    players: tuple[str, ...]


class LiveStreams(msgspec.Struct, frozen=True):
    """The answer to `DescribeStreams`: the room's streams by stream id."""

    room_uid: str
    streams: tuple[LiveStream, ...]
