"""A session: one login of one client, its memberships in rooms, and the channel that its client is reached by."""

from collections import deque
from typing import Protocol

from parlour.contracts import client
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.session_secret import Claims, Rights

LEFT_KEPT = 32
"""Rooms behind a session that it is remembered to have left: more than one can be leaving at once."""


class Channel(Protocol):
    """The client's end of a live connection."""

    @property
    def address(self) -> str:
        """The IP address that the client connects from."""
        ...

    def put(self, text: str, *more: str) -> None:
        """Sends a frame, with those that belong to it; a client that leaves far too much unread is closed."""
        ...

    def deliver(self, batch: FrameBatch) -> bool:
        """Sends events; False, and nothing was taken, while the client's window of unsent bytes is full."""
        ...

    async def wait_writable(self) -> bool:
        """Waits until the send window is below its low-water mark. False: the connection is over, or was closed since nothing was read."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Closes after what is queued."""
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
        """Where the client connected from last."""
        self.rights: dict[str, Rights] = {}
        self.rooms: dict[str, RoomMember] = {}
        self.left: deque[str] = deque(maxlen=LEFT_KEPT)
        """Rooms in which its stay ended, the latest last."""
        self.media: dict[str, set[tuple[str, str]]] = {}
        """By transport: the (room, stream) that it carries."""
        self.taken_up = False
        """It began at another gateway, which alone knows what its transports carry."""

    def send(self, first: client.ServerFrame, *more: client.ServerFrame) -> None:
        """To the client, if it is there; nothing comes between."""
        if self.channel is not None:
            self.channel.put(to_text(first), *map(to_text, more))

    def claims(self) -> Claims:
        """What goes into its secret."""
        return Claims(self.app, self.user.user_id, dict(self.rights), self.multi_room)

    def carries(self, transport_id: str, room: str, stream_id: str) -> None:
        """The client's transport carries a stream of a room."""
        self.media.setdefault(transport_id, set()).add((room, stream_id))

    def carries_no_more(self, room: str, stream_id: str) -> None:
        """The client stopped publishing or playing a stream."""
        for transport_id in [t for t, streams in self.media.items() if (room, stream_id) in streams]:
            self.media[transport_id].discard((room, stream_id))


class RoomMember:
    """A session as a member of one room; `actor` is the user's random id in the record."""

    __slots__ = ("actor", "room", "session")

    def __init__(self, session: Session, room: str, actor: str) -> None:
        self.session = session
        self.room = room
        self.actor = actor
