"""Login: the token, the join, the room as of its position, and from there every event.

The feed is subscribed while the join is under way; the answer is made in the same step in which the member is taken, so that nothing falls
between the lists and the events.
"""

import asyncio
import time
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
from parlour.gateway.app.sessions.session import Channel, RoomMember, Session
from parlour.gateway.app.sessions.session_table import SessionTable
from parlour.gateway.domain import session_secret
from parlour.gateway.domain.client_views import room_lists, split_lists
from parlour.gateway.domain.room_mirror import RoomMirror
from parlour.gateway.domain.turn_credentials import TurnServers
from parlour.kernel.rejection import Rejection

NO_TURN = TurnServers()
_SESSIONS = uuid5(NAMESPACE_URL, "urn:parlour:session")


class Timing(msgspec.Struct, frozen=True):
    """What clients are told about keeping in touch."""

    interval_ms: int
    window_ms: int
    reconnect_ms: int


class LoginHandler:
    """Takes sessions into rooms."""

    def __init__(
        self, services: Services, feeds: RoomFeeds, sessions: SessionTable, key: bytes, timing: Timing, turn: TurnServers = NO_TURN,
        throttle: TokenThrottle | None = None,
    ) -> None:  # fmt: skip
        self._throttle = throttle or TokenThrottle()
        self._services = services
        self._feeds = feeds
        self._sessions = sessions
        self._key = key
        self.turn = turn
        self._heartbeat = client.Heartbeat(timing.interval_ms, timing.window_ms, timing.reconnect_ms)

    async def login(self, frame: client.Login, channel: Channel, session: Session | None) -> Session:
        """Answers on the channel; gives the session that it speaks for from now on."""
        check_app_id(frame.app_id)
        check_room_id(frame.room_id)
        check_user_id(frame.user.user_id)
        check_user_name(frame.user.user_name)
        check_further_room(frame, session)
        checked = await self.verify(
            frame.app_id, frame.user.user_id, frame.room_id, frame.token, address=channel.address
        )
        session = session or self._session(frame)
        session.address = channel.address
        rights = rights_of(checked)
        feed, mirror, actor = await self.join(session, frame.room_id, frame.config, str(frame.id), rights)
        self._sessions.attach(session, channel)
        self.add_member(session, feed, actor, rights)
        session.send(*self._answer(frame, session, mirror, rights))
        return session

    async def verify(
        self, app: int, user_id: str, room: str, token: str, purpose: str = "login", *, address: str
    ) -> cmd.TokenChecked:
        """What the token that came from a client's address allows, or its flaw as `Rejection`."""

        async def ask() -> cmd.TokenChecked:
            body = cmd.VerifyToken(token, user_id, room, purpose)
            request = cmd.Request(str(uuid5(_SESSIONS, token)), cmd.Caller(user_id, kind="service"), body)
            return decode_result(await self._services.ask(app, "", request), cmd.TokenChecked)

        return await self._throttle.verify(Attempt(token, address, str(app), user_id), ask)

    async def join(
        self, session: Session, room: str, config: client.LoginConfig, command_id: str, rights: session_secret.Rights
    ) -> tuple[RoomFeed, RoomMirror, str]:
        """The session is in the room, and the room's mirror stands at or after its joining."""
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
            raise Rejection.of(Code.SESSION_UNKNOWN, "the session has left the room", hint="log in again")
        return feed, mirror, joined.actor

    def add_member(self, session: Session, feed: RoomFeed, actor: str, rights: session_secret.Rights) -> RoomMember:
        """From now on the session gets the room's events."""
        member = RoomMember(session, feed.room, actor)
        feed.add_member(member)
        session.rooms[feed.room] = member
        session.rights[feed.room] = rights
        return member

    def sealed(self, session: Session) -> str:
        """The session's secret as of its rights now."""
        return session_secret.seal(self._key, session.session_id, session.claims())

    def _session(self, frame: client.Login) -> Session:
        """The same login frame again means the same session."""
        name = f"{frame.app_id}/{frame.user.user_id}/{frame.id}"
        session_id = str(uuid5(_SESSIONS, name))
        known = self._sessions.find(session_id)
        return known or Session(session_id, frame.app_id, frame.user, multi_room=frame.multi_room)

    def _answer(
        self, frame: client.Login, session: Session, mirror: RoomMirror, rights: session_secret.Rights
    ) -> tuple[client.ServerFrame, ...]:
        pages, lists = split_lists(mirror.state.room, room_lists(mirror.state, session.session_id))
        now = time.time()
        answer = client.LoggedIn(
            id=str(frame.id), session_id=self.sealed(session), server_time=int(now * 1000), heartbeat=self._heartbeat,
            position=lists.pos, users=lists.users, streams=lists.streams, extra_info=lists.extra_info,
            token_expires_in=max(0, rights.expires_s - int(now)),
            ice_servers=self.turn.servers(session.session_id, now),
        )  # fmt: skip
        return *pages, answer


def rights_of(checked: cmd.TokenChecked) -> session_secret.Rights:
    """What goes into the session's secret of a token that was verified."""
    return session_secret.Rights(checked.expires_s, checked.may_publish, checked.stream_ids, checked.stay_ends_s)


def check_further_room(frame: client.Login, session: Session | None) -> None:
    """A connection that speaks for a session already may log in to further rooms only as the same user, if it said so."""
    if session is None or not session.rooms:
        return
    if not (frame.multi_room and session.multi_room) and frame.room_id not in session.rooms:
        raise Rejection.of(Code.TOO_MANY_ROOMS, "the session is in a room already", field="roomID",
                           hint="log out first, or log in with multiRoom")  # fmt: skip
    if frame.user.user_id != session.user.user_id or frame.app_id != session.app:
        raise Rejection.of(Code.MULTI_ROOM_USER, "one session is one user of one app", field="userID")
