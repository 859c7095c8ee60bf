"""Sessions, their memberships in rooms, and the channel to a session's client."""

from collections import deque
from typing import Protocol

from parlour.contracts import client
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.session_secret import Claims, Rights

LEFT_ROOMS_MOST = 32
"""Rooms that a session is remembered to have left; several logouts can be under way at once."""


class Channel(Protocol):
    """The client's end of a live connection."""

    @property
    def address(self) -> str:
        """The IP address that the client connects from."""
        ...

    def put(self, text: str, *more: str) -> None:
        """Sends frames, with nothing between them; a client that leaves far too much unread is closed."""
        ...

    def deliver(self, batch: FrameBatch) -> bool:
        """Sends events; returns False, and takes nothing, while the client's send window is full."""
        ...

    async def wait_writable(self) -> bool:
        """Waits until the send window is below its low-water mark; returns False once the connection is closed."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Closes the connection after what was sent."""
        ...


class Session:
    """One login of one client, with or without a connection at the moment."""

    def __init__(self, session_id: str, app: int, user: client.UserRef, *, multi_room: bool = False) -> None:
        self.session_id = session_id
        self.app = app
        self.user = user
        self.multi_room = multi_room
        self.channel: Channel | None = None
        self.address = ""
        """The IP address that the client connected from last."""
        self.rights: dict[str, Rights] = {}
        self.rooms: dict[str, RoomMember] = {}
        self.left: deque[str] = deque(maxlen=LEFT_ROOMS_MOST)
        """Rooms that the session has left, the latest last."""
        self.media: dict[str, set[tuple[str, str]]] = {}
        """The (room, stream) pairs that each transport carries, by transport id."""
        self.began_elsewhere = False
        """Whether another gateway began the session; only that one knows which streams its transports carry."""

    def send(self, first: client.ServerFrame, *more: client.ServerFrame) -> None:
        """Sends frames to the client if it is connected, with nothing between them."""
        if self.channel is not None:
            self.channel.put(to_text(first), *map(to_text, more))

    def claims(self) -> Claims:
        """Returns what the session's secret proves."""
        return Claims(self.app, self.user.user_id, dict(self.rights), self.multi_room)

    def add_stream(self, transport_id: str, room: str, stream_id: str) -> None:
        """Notes that a transport of the client's carries a stream of a room."""
        self.media.setdefault(transport_id, set()).add((room, stream_id))

    def remove_stream(self, room: str, stream_id: str) -> None:
        """Notes that the client stopped to publish or play a stream."""
        for transport_id in [t for t, streams in self.media.items() if (room, stream_id) in streams]:
            self.media[transport_id].discard((room, stream_id))


class RoomMember:
    """A session as a member of one room; `actor` is the user's random id in the record."""

    __slots__ = ("actor", "room", "session")

    def __init__(self, session: Session, room: str, actor: str) -> None:
        self.session = session
        self.room = room
        self.actor = actor
