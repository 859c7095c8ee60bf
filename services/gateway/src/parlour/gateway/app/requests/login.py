"""Login: the token, the join, the room as of its position, and from there every event.

The room's feed is subscribed while the join is under way. The answer is made in the same step in which the session becomes a member of the
feed, so that no event falls between the lists of the answer and the events behind it.
"""

import asyncio
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

import msgspec

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_app_id, check_room_id, check_user_id, check_user_name, parse_position
from parlour.gateway.app.access.token_throttle import Attempt, TokenThrottle
from parlour.gateway.app.delivery.feed import RoomFeed
from parlour.gateway.app.delivery.feeds import RoomFeeds
from parlour.gateway.app.ports import Services, decode_result
from parlour.gateway.app.sessions.session import Channel, RoomMember, Session, SessionTable
from parlour.gateway.domain import session_secret
from parlour.gateway.domain.client_views import snapshot_frames
from parlour.gateway.domain.room_mirror import RoomMirror
from parlour.gateway.domain.session_secret import Claims, Rights
from parlour.gateway.domain.turn_credentials import TurnServers
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection

_SESSIONS = uuid5(NAMESPACE_URL, "urn:parlour:session")


class Timing(msgspec.Struct, frozen=True):
    """What a login's answer says about keeping in touch: how often clients ping, and how long they try to come back."""

    ping_interval_ms: int
    reconnect_ms: int


@dataclass(eq=False, repr=False)
class LoginHandler:
    """Verifies tokens and takes sessions into rooms; `key` signs the sessions' secrets."""

    _services: Services
    _feeds: RoomFeeds
    _sessions: SessionTable
    _key: bytes
    _timing: Timing
    turn_servers: TurnServers
    _throttle: TokenThrottle
    _clock: Clock

    async def login(self, frame: client.Login, channel: Channel, session: Session | None) -> Session:
        """Answers a login frame on its channel and returns the session that the channel speaks for from now on. `session` is the one that
        it speaks for already, where this is a login to a further room. `Rejection` where the login is refused.
        """
        check_app_id(frame.app_id)
        check_room_id(frame.room_id)
        check_user_id(frame.user.user_id)
        check_user_name(frame.user.user_name)
        check_further_room(frame, session)
        checked = await self.verify_token(
            frame.app_id, frame.user.user_id, frame.room_id, frame.token, address=channel.address
        )
        session = session or self._session(frame)
        session.address = channel.address
        rights = rights_of(checked)
        feed, mirror, joined = await self.join_room(session, frame.room_id, frame.config, str(frame.id), rights)
        self._sessions.attach(session, channel)
        self.add_member(session, feed, joined.actor, rights)
        session.send(*self._answer(frame, session, mirror, rights, joined))
        return session

    async def verify_token(
        self, app: int, user_id: str, room: str, token: str, purpose: str = "login", *, address: str
    ) -> cmd.TokenChecked:
        """Asks `auth` what a token that came from a client's address allows; `Rejection` where it is refused. `purpose`: login or renew."""

        async def ask() -> cmd.TokenChecked:
            body = cmd.VerifyToken(token, user_id, room, purpose)
            request = cmd.Request(str(uuid5(_SESSIONS, token)), cmd.Caller(user_id, kind="service"), body)
            return decode_result(await self._services.ask(app, "", request), cmd.TokenChecked)

        return await self._throttle.verify(Attempt(token, address, str(app), user_id), ask)

    async def join_room(
        self, session: Session, room: str, config: client.LoginConfig, command_id: str, rights: Rights
    ) -> tuple[RoomFeed, RoomMirror, cmd.Joined]:
        """Asks the room service to let the session in, and waits until the room's mirror has its joining. Returns the room's feed, its
        mirror and the service's answer; `Rejection` where the service refuses it.
        """
        body = cmd.JoinRoom(
            session.session_id, session.user.user_id, session.user.user_name, max(0, config.max_member_count),
            config.user_update, session.multi_room, rights.expires_s, session.address,
        )  # fmt: skip
        request = cmd.Request(command_id, cmd.Caller(session.user.user_id, session.session_id), body)
        reply, feed = await asyncio.gather(
            self._services.ask(session.app, room, request), self._feeds.open(session.app, room)
        )
        joined = decode_result(reply, cmd.Joined)
        position = parse_position(reply.position) if reply.position else None
        mirror = await feed.reach(joined.room_uid, position.seq if position else 1)
        if mirror.actor_of(session.session_id) is None:
            raise Rejection(Code.SESSION_UNKNOWN, "the session has left the room", hint="log in again")
        return feed, mirror, joined

    def add_member(self, session: Session, feed: RoomFeed, actor: str, rights: Rights) -> None:
        """Makes the session a member of the feed: from now on its client gets the room's events."""
        member = RoomMember(session, feed.room, actor)
        feed.add_member(member)
        session.rooms[feed.room] = member
        session.rights[feed.room] = rights

    def seal_secret(self, session: Session) -> str:
        """Returns the session's secret, with its rights as of now."""
        claims = Claims(session.app, session.user.user_id, dict(session.rights), session.multi_room)
        return session_secret.sign(self._key, session.session_id, claims)

    def _session(self, frame: client.Login) -> Session:
        """Returns the session of a login frame; the same frame, sent again, has the same session."""
        name = f"{frame.app_id}/{frame.user.user_id}/{frame.id}"
        session_id = str(uuid5(_SESSIONS, name))
        known = self._sessions.find(session_id)
        return known or Session(session_id, frame.app_id, frame.user, multi_room=frame.multi_room)

    def _answer(
        self, frame: client.Login, session: Session, mirror: RoomMirror, rights: Rights, joined: cmd.Joined
    ) -> tuple[client.ServerFrame, ...]:
        pages, snap = snapshot_frames(mirror.state, session.session_id)
        now_ms = self._clock.at() // 1000
        heartbeat = client.Heartbeat(
            self._timing.ping_interval_ms, joined.heartbeat_window_ms, self._timing.reconnect_ms
        )
        answer = client.LoggedIn(
            id=str(frame.id), session_id=self.seal_secret(session), server_time=now_ms, heartbeat=heartbeat,
            position=snap.pos, users=snap.users, streams=snap.streams, extra_info=snap.extra_info,
            token_expires_in=max(0, rights.expires_s - now_ms // 1000),
            ice_servers=self.turn_servers.issue(session.session_id, now_ms / 1000),
        )  # fmt: skip
        return *pages, answer


def rights_of(checked: cmd.TokenChecked) -> Rights:
    """Returns what a verified token allows, as the session's secret has it."""
    return Rights(checked.expires_s, checked.may_publish, checked.stream_ids, checked.stay_ends_s)


def check_further_room(frame: client.Login, session: Session | None) -> None:
    """Raises `Rejection` where a connection that speaks for a session may not log in to this room too."""
    if session is None or not session.rooms:
        return
    if not (frame.multi_room and session.multi_room) and frame.room_id not in session.rooms:
        raise Rejection(Code.TOO_MANY_ROOMS, "the session is in a room already", field="roomID",
                           hint="log out first, or log in with multiRoom")  # fmt: skip
    if frame.user.user_id != session.user.user_id or frame.app_id != session.app:
        raise Rejection(Code.MULTI_ROOM_USER, "one session is one user of one app", field="userID")
