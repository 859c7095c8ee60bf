"""Sessions of clients, their memberships in rooms and channels to clients, and the table of the sessions that this gateway knows.

A session without a connection stays known until the room service ends it, so that its client can come back; another gateway recognizes it
by its secret and by the room's members.
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from parlour.contracts import client
from parlour.contracts.ids import check_address
from parlour.contracts.relay import TransportGone, TransportMove
from parlour.gateway.domain.encoded_event import StayEnd
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.session_secret import Rights
from parlour.gateway.domain.websocket_protocol import RESUMED_ELSEWHERE

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
        self.left_rooms: deque[str] = deque(maxlen=LEFT_ROOMS_MOST)
        """Rooms that the session has left, the latest last."""
        self.streams: dict[str, set[tuple[str, str]]] = {}
        """The (room, stream) pairs that each transport carries, by transport id."""
        self.began_elsewhere = False
        """Whether another gateway began the session; only that one knows which streams its transports carry."""

    def send(self, first: client.ServerFrame, *more: client.ServerFrame) -> None:
        """Sends frames to the client if it is connected, with nothing between them."""
        if self.channel is not None:
            self.channel.put(to_text(first), *map(to_text, more))

    def add_stream(self, transport_id: str, room: str, stream_id: str) -> None:
        """Notes that a transport of the client's carries a stream of a room."""
        self.streams.setdefault(transport_id, set()).add((room, stream_id))

    def remove_stream(self, room: str, stream_id: str) -> None:
        """Notes that the client stopped to publish or play a stream."""
        for transport_id in [t for t, streams in self.streams.items() if (room, stream_id) in streams]:
            self.streams[transport_id].discard((room, stream_id))


@dataclass(eq=False, slots=True)
class RoomMember:
    """A session as a member of one room; `actor` is the user's random id in the record."""

    session: Session
    room: str
    actor: str


class SessionTable:
    """Sessions by id, with the connection that speaks for each."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def find(self, session_id: str) -> Session | None:
        """Returns the session if it is known here."""
        return self._sessions.get(session_id)

    def add(self, session: Session) -> None:
        """Makes a session known here."""
        self._sessions[session.session_id] = session

    def attach(self, session: Session, channel: Channel) -> None:
        """Lets a connection speak for the session from now on; one that did before is closed."""
        before = session.channel
        session.channel = channel
        session.address = channel.address
        self.add(session)
        if before is not None and before is not channel:
            before.close(RESUMED_ELSEWHERE, "resumed on another connection")

    def detach(self, session: Session, channel: Channel) -> None:
        """Notes that a connection is closed, or speaks for another session now."""
        if session.channel is channel:
            session.channel = None
            self._remove_if_over(session)

    def end_stay(self, member: RoomMember, end: StayEnd) -> None:
        """Removes a session from a room, since the room's events report the end of its stay, and tells its client why."""
        session = member.session
        session.rooms.pop(member.room, None)
        session.rights.pop(member.room, None)
        session.left_rooms.append(member.room)
        for streams in session.streams.values():
            streams.difference_update({carried for carried in streams if carried[0] == member.room})
        if end.code:
            session.send(client.End(member.room, end.code, end.reason))
        self._remove_if_over(session)

    def from_address(self, app: int, address: str) -> list[Session]:
        """Returns the sessions of an app whose clients connected from an address (as `check_address` has it)."""
        of_app = (session for session in self._sessions.values() if session.app == app and session.address)
        return [session for session in of_app if check_address(session.address) == address]

    def connected(self) -> list[Session]:
        """Returns the sessions whose client has a live connection here."""
        return [session for session in self._sessions.values() if session.channel is not None]

    def on_transport_gone(self, fact: TransportGone) -> None:
        """Tells a client which streams a transport carried that a relay reports as gone, so that the client offers them again."""
        session = self._sessions.get(fact.owner.partition("/")[0])
        if session is None or fact.reason == "closed":
            return
        carried = _carried_by(session, fact.transport_id)
        session.streams.pop(fact.transport_id, None)
        for room, stream_id in carried:
            session.send(client.MediaGone(room, stream_id, fact.transport_id))

    def on_transport_move(self, fact: TransportMove) -> None:
        """Asks a client to move a transport whose relay is about to stop."""
        session = self._sessions.get(fact.owner.partition("/")[0])
        if session is None:
            return
        rooms = {room for room, _ in _carried_by(session, fact.transport_id)} or set(session.rooms)
        for room in rooms:  # once for each room: a transport moves as a whole
            session.send(client.MediaGone(room, "", fact.transport_id, "move"))

    def _remove_if_over(self, session: Session) -> None:
        if session.channel is None and not session.rooms:
            self._sessions.pop(session.session_id, None)


def _carried_by(session: Session, transport_id: str) -> set[tuple[str, str]]:
    """What a transport of the session carries, as (room, stream); every room, without a stream, where only another gateway knows."""
    carried = session.streams.get(transport_id, set())
    return {(room, "") for room in session.rooms} if not carried and session.began_elsewhere else carried
