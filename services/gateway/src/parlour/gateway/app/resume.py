"""Resume: a session comes back with the positions it holds, to this gateway or to any other.

For each room: the events it missed from the ring, else from the record, else (where that is shorter, or its history is not ours) a
snapshot. Then `live`. A session whose stay ended meanwhile is told how.
"""

import time
from collections.abc import Sequence

from parlour.contracts import client
from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position, parse_position
from parlour.contracts.queries import ReplayQuery, SnapshotQuery
from parlour.gateway.app.sessions.login import LoginHandler
from parlour.gateway.app.sessions.session_table import SessionTable
from parlour.gateway.domain import session_secret
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.mirror import Ending, Entry, Mirror, ending_of
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import event_of

from .fanout import entries_of
from .feed import Feed
from .feeds import Feeds
from .ports import History
from .seat import Channel, Place, Seat, Session

TAIL = 500
"""Further behind than this, a snapshot is shorter."""


class Missed:
    """What one room's client gets before it is live again: events after its place, of which some are known, or a snapshot."""

    def __init__(
        self, feed: Feed, mirror: Mirror, held: Position, reason: str = "", known: Sequence[Entry] = ()
    ) -> None:
        self.feed = feed
        self.mirror = mirror
        self.place = Place(held.room_uid, held.seq, held.hash8)
        self.reason = reason
        self._known = known

    @property
    def now(self) -> Mirror:
        """The room's mirror at this moment; it may have moved on, or been replaced."""
        return self.feed.mirror or self.mirror

    @property
    def anew(self) -> bool:
        """Only a snapshot continues what the client holds."""
        return bool(self.reason) or self.now.state.room_uid != self.mirror.state.room_uid

    @property
    def known(self) -> Sequence[Entry]:
        """Entries after the place; what the mirror has not seen yet comes by the feed."""
        return [entry for entry in self._known if entry.seq <= self.now.state.seq]


class Resumes:
    """Takes sessions up again."""

    def __init__(
        self, history: History, feeds: Feeds, sessions: SessionTable, logins: LoginHandler, key: bytes
    ) -> None:
        self._history = history
        self._feeds = feeds
        self._sessions = sessions
        self._logins = logins
        self._key = key

    async def resume(self, frame: client.Resume, channel: Channel) -> Session:
        """Answers on the channel; gives the session that it speaks for from now on."""
        opened = session_secret.unseal(self._key, frame.session_id)
        if opened is None:
            raise unknown_session()
        session_id, claims = opened
        held = {room: parse_position(pos) for room, pos in frame.rooms.items() if room in claims.rooms}
        found: list[Missed] = []
        endings: dict[str, Ending] = {}
        for room, position in held.items():
            missed = await self._missed(claims.app, room, position, session_id)
            if isinstance(missed, Missed):
                found.append(missed)
            else:
                endings[room] = missed
        for missed in [missed for missed in found if missed.now.actor_of(session_id) is None]:
            found.remove(missed)  # it left while other rooms were asked about
            endings[missed.feed.room] = gone()
        if not found:
            raise self._over(endings, channel)
        return self._take_up(frame, channel, session_id, claims, found, endings)

    def _take_up(
        self, frame: client.Resume, channel: Channel, session_id: str, claims: session_secret.Claims,
        found: list[Missed], endings: dict[str, Ending],
    ) -> Session:  # fmt: skip
        """Everything in one step: seats, answer, what was missed."""
        session = self._sessions.find(session_id)
        if session is None:
            face = next((u for m in found for u in m.mirror.state.users if u.session_id == session_id), None)
            user = client.UserRef(claims.user_id, face.user_name if face else "")
            session = Session(session_id, claims.app, user, multi_room=claims.multi_room)
            session.taken_up = True
        self._sessions.attach(session, channel)
        for missed in found:
            actor = missed.now.actor_of(session_id) or ""
            rights = session.rights.get(missed.feed.room, claims.rooms[missed.feed.room])
            seat = self._logins.take_seat(session, missed.feed, actor, rights)
            seat.falls_behind(missed.place)
        modes = {missed.feed.room: "snapshot" if missed.anew else "tail" for missed in found}
        now = time.time()
        servers = self._logins.turn.servers(session_id, now)
        session.send(client.Resumed(id=str(frame.id), rooms=modes, server_time=int(now * 1000), ice_servers=servers))
        for room, ending in endings.items():
            session.send(client.End(room, ending.code or int(Code.SESSION_UNKNOWN), ending.reason))
        for missed in found:
            self._bring_forward(session.seats[missed.feed.room], missed)
        return session

    def _bring_forward(self, seat: Seat, missed: Missed) -> None:
        channel = seat.session.channel
        if channel is None:
            return
        if missed.anew:
            missed.feed.fanout.start_anew(seat, "diverged" if missed.reason == "diverged" else "")
            channel.put(to_text(client.Live(seat.room, missed.now.position)))
            return
        missed.feed.fanout.bring_forward(seat, channel, missed.place, missed.known)

    async def _missed(self, app: int, room: str, held: Position, session_id: str) -> Missed | Ending:
        feed = await self._feeds.open(app, room)
        mirror = feed.mirror or await self._fresh(feed)
        if mirror is None:
            return gone()
        mirror = await self._not_behind(feed, mirror, held)
        if mirror.state.room_uid != held.room_uid or mirror.actor_of(session_id) is None:
            return await self._how_it_ended(app, room, held, session_id)
        known = mirror.hash8_at(held.seq)
        if known is not None:
            return Missed(feed, mirror, held, "" if known == held.hash8 else "diverged")
        if held.seq > mirror.state.seq:
            return Missed(feed, mirror, held, "diverged")
        if mirror.state.seq - held.seq > TAIL:
            return Missed(feed, mirror, held, "limit")
        return await self._from_record(feed, mirror, held)

    async def _from_record(self, feed: Feed, mirror: Mirror, held: Position) -> Missed:
        query = ReplayQuery(held.room_uid, held.seq, TAIL, held.hash8)
        page = await self._history.replay(feed.app, feed.room, query)
        if page.diverged:
            return Missed(feed, mirror, held, "diverged")
        return Missed(feed, mirror, held, known=entries_of(page.events, mirror))

    async def _fresh(self, feed: Feed) -> Mirror | None:
        """The mirror of a feed that was just opened; None where the room was never opened."""
        answer = await self._history.snapshot(feed.app, feed.room, SnapshotQuery())
        if answer.state is None or not answer.state.seq:
            return None
        return await feed.reach(answer.state.room_uid, answer.state.seq)

    async def _not_behind(self, feed: Feed, mirror: Mirror, held: Position) -> Mirror:
        """The client may have seen, at another gateway, what has not arrived here."""
        if mirror.state.room_uid != held.room_uid or mirror.state.seq >= held.seq:
            return mirror
        head = await self._history.replay(feed.app, feed.room, ReplayQuery(held.room_uid, mirror.state.seq, 1))
        return await feed.reach(held.room_uid, min(held.seq, head.head.seq))

    async def _how_it_ended(self, app: int, room: str, held: Position, session_id: str) -> Ending:
        """Looks through what the client missed for the end of its stay."""
        after = held.seq
        while True:
            page = await self._history.replay(app, room, ReplayQuery(held.room_uid, after, TAIL))
            for view in page.events:
                ending = _ending_for(view, session_id)
                if ending is not None:
                    return ending
            if not page.more or not page.events:
                return gone()
            after = page.events[-1].seq

    @staticmethod
    def _over(endings: dict[str, Ending], channel: Channel) -> Rejection:
        """No stay is left. One that was put out must not simply log in again: it is told so."""
        kicked = {
            room: e for room, e in endings.items() if e.code not in (0, Code.HEARTBEAT_TIMEOUT, Code.SESSION_UNKNOWN)
        }
        for room, ending in kicked.items():
            channel.put(to_text(client.End(room, ending.code, ending.reason)))
        if not kicked:
            return unknown_session()
        first = next(iter(kicked.values()))
        return Rejection.of(Code(first.code), f"the session's stay is over: {first.reason or 'ended'}")


def _ending_for(view: EventView, session_id: str) -> Ending | None:
    event = event_of(view)
    ending = ending_of(event) if isinstance(event, ev.UserLeft | ev.UserKicked | ev.RoomClosed) else None
    return ending if ending is not None and ending.session_id in ("", session_id) else None


def gone() -> Ending:
    """A stay that is over for a reason that can't be found."""
    return Ending("", int(Code.SESSION_UNKNOWN), "the session is not in the room")


def unknown_session() -> Rejection:
    """The client logs in again."""
    return Rejection.of(Code.SESSION_UNKNOWN, "no such session", field="sessionID", hint="log in again")
