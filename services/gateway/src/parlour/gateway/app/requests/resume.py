"""Resume: a session comes back with the positions that it holds, to this gateway or to any other.

For each room its client gets the events that it missed, from the buffer or the record, or a snapshot where that is shorter or where the
position is not in the room's history; then `live`. A session whose stay ended meanwhile is told how.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parlour.contracts import client
from parlour.contracts.codes import Code
from parlour.contracts.ids import Position, parse_position
from parlour.contracts.queries import ReplayQuery, SnapshotQuery
from parlour.gateway.app.delivery.feed import RoomFeed
from parlour.gateway.app.delivery.feeds import RoomFeeds
from parlour.gateway.app.ports import History
from parlour.gateway.app.requests.login import LoginHandler
from parlour.gateway.app.sessions.session import Channel, Session, SessionTable
from parlour.gateway.domain import session_secret
from parlour.gateway.domain.encoded_event import EncodedEvent, StayEnd, encode_page, stay_end_of
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.room_mirror import RoomMirror
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection

RESUME_EVENTS = 500
"""A client that missed more events gets a snapshot, which is shorter."""


@dataclass
class ResumePlan:
    """How one room's client is brought up to date: by what follows its position, of which some events are known, or by a snapshot.

    `reason` is empty, `diverged` (the position is not in the room's history) or `limit` (too much was missed).
    """

    feed: RoomFeed
    reached: RoomMirror
    position: Position
    reason: str = ""
    known: Sequence[EncodedEvent] = ()

    @property
    def mirror(self) -> RoomMirror:
        """The room's mirror at this moment; it may have moved on from the one that was `reached`, or been replaced."""
        return self.feed.mirror or self.reached

    @property
    def needs_snapshot(self) -> bool:
        """Whether only a snapshot continues what the client holds."""
        return bool(self.reason) or self.mirror.state.room_uid != self.position.room_uid


@dataclass(eq=False, repr=False)
class ResumeHandler:
    """Handles `resume` frames; `key` signs the sessions' secrets."""

    _history: History
    _feeds: RoomFeeds
    _sessions: SessionTable
    _logins: LoginHandler
    _key: bytes
    _clock: Clock

    async def resume(self, frame: client.Resume, channel: Channel) -> Session:
        """Answers on the channel and returns the session that it speaks for from now on. `Rejection` where no stay is left."""
        opened = session_secret.verify(self._key, frame.session_id, session_secret.Claims)
        if opened is None:
            raise unknown_session()
        session_id, claims = opened
        positions = {room: parse_position(pos) for room, pos in frame.rooms.items() if room in claims.rooms}
        plans: list[ResumePlan] = []
        ends: dict[str, StayEnd] = {}
        for room, position in positions.items():
            plan = await self._plan(claims.app, room, position, session_id)
            if isinstance(plan, ResumePlan):
                plans.append(plan)
            else:
                ends[room] = plan
        for plan in [plan for plan in plans if plan.mirror.actor_of(session_id) is None]:
            plans.remove(plan)  # the session left while other rooms were asked about
            ends[plan.feed.room] = unknown_end()
        if not plans:
            raise self._refusal(ends, channel)
        return self._attach(frame, channel, session_id, claims, plans, ends)

    def _attach(
        self, frame: client.Resume, channel: Channel, session_id: str, claims: session_secret.Claims,
        plans: list[ResumePlan], ends: dict[str, StayEnd],
    ) -> Session:  # fmt: skip
        """Restores memberships, answers, and sends what was missed in one step, so that no event comes between."""
        session = self._sessions.find(session_id)
        if session is None:
            known = next((u for plan in plans for u in plan.mirror.state.users if u.session_id == session_id), None)
            user = client.UserRef(claims.user_id, known.user_name if known else "")
            session = Session(session_id, claims.app, user, multi_room=claims.multi_room)
            session.began_elsewhere = True
        self._sessions.attach(session, channel)
        for plan in plans:
            actor = plan.mirror.actor_of(session_id) or ""
            rights = session.rights.get(plan.feed.room, claims.rooms[plan.feed.room])
            self._logins.add_member(session, plan.feed, actor, rights)
        modes = {plan.feed.room: "snapshot" if plan.needs_snapshot else "tail" for plan in plans}
        now_ms = self._clock.at() // 1000
        servers = self._logins.turn_servers.issue(session_id, now_ms / 1000)
        session.send(client.Resumed(id=str(frame.id), rooms=modes, server_time=now_ms, ice_servers=servers))
        for room, end in ends.items():
            session.send(client.End(room, end.code or int(Code.SESSION_UNKNOWN), end.reason))
        for plan in plans:
            self._carry_out(plan, session_id)
        return session

    def _carry_out(self, plan: ResumePlan, session_id: str) -> None:
        delivery = plan.feed.members[session_id]
        if plan.needs_snapshot:
            delivery.mark_lagging()
            delivery.send_snapshot("diverged" if plan.reason == "diverged" else "")
            delivery.mark_live()
        else:
            delivery.resume(plan.position, plan.known)

    async def _plan(self, app: int, room: str, position: Position, session_id: str) -> ResumePlan | StayEnd:
        feed = await self._feeds.open(app, room)
        mirror = feed.mirror or await self._load(feed)
        if mirror is None:
            return unknown_end()
        mirror = await self._reach(feed, mirror, position)
        if mirror.state.room_uid != position.room_uid or mirror.actor_of(session_id) is None:
            return await self._find_end(app, room, position, session_id)
        known = mirror.buffer.hash8_at(position.seq)
        if known is not None:
            return ResumePlan(feed, mirror, position, "" if known == position.hash8 else "diverged")
        if position.seq > mirror.state.seq:
            return ResumePlan(feed, mirror, position, "diverged")
        if mirror.state.seq - position.seq > RESUME_EVENTS:
            return ResumePlan(feed, mirror, position, "limit")
        return await self._plan_by_record(feed, mirror, position)

    async def _plan_by_record(self, feed: RoomFeed, mirror: RoomMirror, position: Position) -> ResumePlan:
        query = ReplayQuery(position.room_uid, position.seq, RESUME_EVENTS, position.hash8)
        page = await self._history.replay(feed.app, feed.room, query)
        if page.diverged:
            return ResumePlan(feed, mirror, position, "diverged")
        return ResumePlan(feed, mirror, position, known=encode_page(page.events, mirror.user_of))

    async def _load(self, feed: RoomFeed) -> RoomMirror | None:
        """Returns the mirror of a feed that was just opened; None where the room was never opened."""
        answer = await self._history.snapshot(feed.app, feed.room, SnapshotQuery())
        if answer.state is None or not answer.state.seq:
            return None
        return await feed.reach(answer.state.room_uid, answer.state.seq)

    async def _reach(self, feed: RoomFeed, mirror: RoomMirror, position: Position) -> RoomMirror:
        """Waits for what the client may have seen at another gateway before it arrives here."""
        if mirror.state.room_uid != position.room_uid or mirror.state.seq >= position.seq:
            return mirror
        head = await self._history.replay(feed.app, feed.room, ReplayQuery(position.room_uid, mirror.state.seq, 1))
        return await feed.reach(position.room_uid, min(position.seq, head.head.seq))

    async def _find_end(self, app: int, room: str, position: Position, session_id: str) -> StayEnd:
        """Finds the end of the session's stay in the events that the client missed."""
        after = position.seq
        while True:
            page = await self._history.replay(app, room, ReplayQuery(position.room_uid, after, RESUME_EVENTS))
            for view in page.events:
                end = stay_end_of(view)
                if end is not None and end.session_id in ("", session_id):
                    return end
            if not page.more or not page.events:
                return unknown_end()
            after = page.events[-1].seq

    @staticmethod
    def _refusal(ends: dict[str, StayEnd], channel: Channel) -> Rejection:
        """Returns the refusal of a session that is in no room any more. A client that was kicked is told so, lest it log in again."""
        kicked = {
            room: end for room, end in ends.items() if end.code not in (0, Code.HEARTBEAT_TIMEOUT, Code.SESSION_UNKNOWN)
        }
        for room, end in kicked.items():
            channel.put(to_text(client.End(room, end.code, end.reason)))
        if not kicked:
            return unknown_session()
        first = next(iter(kicked.values()))
        return Rejection(Code(first.code), f"the session's stay is over: {first.reason or 'ended'}")


def unknown_end() -> StayEnd:
    """Returns the end of a stay that is over for a reason that can't be found."""
    return StayEnd("", int(Code.SESSION_UNKNOWN), "the session is not in the room")


def unknown_session() -> Rejection:
    """Returns the refusal after which a client logs in again."""
    return Rejection(Code.SESSION_UNKNOWN, "no such session", field="sessionID", hint="log in again")
