"""The sessions that this gateway knows, and the frames that tell a client that its stay in a room is over.

A session without a connection stays known until the room service ends it, so that its client can come back; another gateway recognizes it
by its secret and by the room's members.
"""

from collections.abc import Iterator

from parlour.contracts import client
from parlour.contracts.ids import check_address
from parlour.contracts.queries import SessionBeat
from parlour.contracts.relay import TransportGone
from parlour.gateway.app.sessions.session import Channel, RoomMember, Session
from parlour.gateway.domain.encoded_event import StayEnd

RESUMED_ELSEWHERE = 4409
"""Close code of a connection whose session a later connection speaks for."""


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
        """Takes note that a connection is gone, or speaks for another session now."""
        if session.channel is channel:
            session.channel = None
            self._remove_if_over(session)

    def end_stay(self, member: RoomMember, end: StayEnd) -> None:
        """Takes a session out of a room, since the room's events say so, and tells its client why."""
        session = member.session
        session.rooms.pop(member.room, None)
        session.rights.pop(member.room, None)
        session.left.append(member.room)
        for streams in session.media.values():
            streams.difference_update({carried for carried in streams if carried[0] == member.room})
        if end.code:
            session.send(client.End(member.room, end.code, end.reason))
        self._remove_if_over(session)

    def from_addresses(self, app: int, addresses: frozenset[str]) -> list[Session]:
        """Returns the sessions of an app whose clients connected from one of these addresses (as `check_address` has them)."""
        of_app = (session for session in self._sessions.values() if session.app == app and session.address)
        return [session for session in of_app if check_address(session.address) in addresses]

    def connected(self) -> list[Session]:
        """Returns the sessions whose client has a live connection here."""
        return [session for session in self._sessions.values() if session.channel is not None]

    def heartbeats(self) -> Iterator[SessionBeat]:
        """Returns a heartbeat for each room of each connected session."""
        for session in self.connected():
            for room in session.rooms:
                yield SessionBeat(session.app, room, session.session_id)

    def on_transport_gone(self, fact: TransportGone) -> None:
        """Takes a relay's word that it lost a client's transport: the client is told to offer anew what it carried."""
        session = self._sessions.get(fact.owner.partition("/")[0])
        if session is None or fact.reason == "closed":
            return
        carried = session.media.pop(fact.transport_id, set())
        if not carried and session.began_elsewhere:
            carried = {(room, "") for room in session.rooms}
        for room, stream_id in carried:
            session.send(client.MediaGone(room, stream_id, fact.transport_id))

    def _remove_if_over(self, session: Session) -> None:
        if session.channel is None and not session.rooms:
            self._sessions.pop(session.session_id, None)
