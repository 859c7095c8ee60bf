"""WHIP and WHEP: one HTTP request is one offer, its resource one stream sent or received.

All resources of a user in a room share one session, so that one token may publish and play many streams; the session joins with the first
and leaves with the last. It has no connection: what it is there by are its media, of which the registry hears. A resource's address says
all that it takes to end or renew it, so any gateway may; what is remembered here only makes the end of a transport felt at once.
"""

import asyncio
import time
from contextlib import suppress
from typing import cast
from uuid import UUID, uuid4, uuid5

import msgspec

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_room_id, check_stream_id
from parlour.contracts.queries import SessionBeat
from parlour.contracts.relay import IceRenewed, TransportGone
from parlour.gateway.app.access.apps import Apps
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.media_resources.sdp_fragments import credentials_in, fragment, head_of, ufrag_of
from parlour.gateway.app.ports import Services, decode_result
from parlour.gateway.app.sessions.login import LoginHandler, rights_of
from parlour.gateway.app.sessions.requests import check_may_publish
from parlour.gateway.app.sessions.session import RoomMember, Session
from parlour.gateway.app.sessions.session_table import SessionTable
from parlour.gateway.domain.encoded_event import StayEnd
from parlour.gateway.domain.media_resource import Resource, address, resource_at
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger

_SESSIONS = UUID("5f8b4f8e-8a0e-5f3b-9f6c-0b3e7d1f2a44")
"""Namespace of these sessions' ids."""

log = logger(__name__)


class CreatedResource(msgspec.Struct, frozen=True):
    """What the client gets: the resource's address and the relay's answer. `tag` names the ICE session: a new one with each restart;
    `ice_servers` are the TURN servers that the client may use, with credentials of its session."""

    address: str
    sdp: str
    tag: str
    ice_servers: tuple[client.IceServer, ...] = ()


class PatchResult(msgspec.Struct, frozen=True):
    """What became of a PATCH. outcome: renewed (with the relay's side of the new ICE session), same or stale."""

    outcome: str
    fragment: str
    tag: str


class SharedSession:
    """A session that has resources here, and how many, with those under way."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.uses = 0


class MediaResources:
    """Makes, renews and ends resources."""

    def __init__(
        self,
        services: Services,
        apps: Apps,
        logins: LoginHandler,
        sessions: SessionTable,
        admission: RequestLimiter,
        key: bytes,
        limit: int,
    ) -> None:
        self._services = services
        self._apps = apps
        self._logins = logins
        self._sessions = sessions
        self._admission = admission
        self._key = key
        self._limit = limit
        self._resources: dict[str, Resource] = {}
        self._by_transport: dict[str, str] = {}
        self._held: dict[str, SharedSession] = {}
        self._doors: dict[str, asyncio.Lock] = {}

    async def make(
        self, token: str, app: str, room: str, stream_id: str, sdp: str, *, publishes: bool, address: str = ""
    ) -> CreatedResource:
        """A new resource."""
        check_stream_id(stream_id)
        if len(self._resources) >= self._limit:
            raise Rejection.of(
                Code.UNAVAILABLE, "this gateway carries as many resources as it may", limit=str(self._limit)
            )
        session, member = await self._enter(token, await self._apps.meant(app), room, address)
        caller = cmd.Caller(session.user.user_id, session.session_id, member.actor)
        try:
            if publishes:
                check_may_publish(session, member.room, stream_id)
            return await self._negotiate(session, member, caller, stream_id, sdp, publishes)
        except BaseException:
            nothing = Resource(
                "", session.session_id, session.app, member.room, member.actor, stream_id, False, "none", ()
            )
            with suppress(Rejection):  # asks what else the session has
                await self._let_go(nothing, caller, (await self._end(nothing, caller)).remaining, counted=True)
            raise

    async def end(self, text: str, token: str, address: str = "") -> None:
        """The client takes its resource away; whoever knows the address and holds a token of the same user may."""
        resource, caller = await self._own(text, token, address)
        counted = self._forget(resource)
        ended = await self._end(resource, caller)
        await self._let_go(resource, caller, ended.remaining, counted=counted)
        if not ended.found:
            raise _no_resource()

    async def patch(self, text: str, token: str, sent: str, match: str, address: str = "") -> PatchResult:
        """New ICE credentials restart ICE; candidates alone change nothing: the relay is ICE-lite and learns addresses from checks.
        `match`: the tag that the client knows, empty for any."""
        resource, caller = await self._own(text, token, address)
        ufrag, pwd = credentials_in(sent)
        body = cmd.RenewIce(resource.session_id, resource.transport_id, ufrag, pwd, match)
        reply = await self._services.ask(resource.app, resource.room, _request(caller, body))
        renewed = decode_result(reply, IceRenewed)
        return PatchResult(renewed.outcome, fragment(resource.head, renewed), renewed.ufrag)

    async def _own(self, text: str, token: str, address: str) -> tuple[Resource, cmd.Caller]:
        resource = resource_at(self._key, text)
        if resource is None:
            raise _no_resource()
        checked = await self._logins.verify(resource.app, "", resource.room, token, address=address)
        if session_id_of(resource.app, checked.user_id, resource.room) != resource.session_id:
            raise Rejection.of(Code.FORBIDDEN, "this is another user's resource")
        holding = self._held.get(resource.session_id)
        rights = holding.session.rights if holding is not None else {}
        if resource.room in rights and rights[resource.room].expires_s < checked.expires_s:
            rights[resource.room] = rights_of(checked)
        return resource, cmd.Caller(checked.user_id, resource.session_id, resource.actor)

    def beats(self) -> list[SessionBeat]:
        """Sessions that hold a resource, or are about to."""
        return [SessionBeat(s.app, room, s.session_id) for s in self.sessions() for room in s.rooms]

    def sessions(self) -> list[Session]:
        """Sessions that hold a resource, or are about to."""
        return [holding.session for holding in self._held.values()]

    def ended(self, member: RoomMember, ending: StayEnd) -> None:
        """The stay is over: its resources are too."""
        session_id = member.session.session_id
        if self._held.pop(session_id, None) is None:
            return
        for resource in [r for r in self._resources.values() if r.session_id == session_id]:
            self._forget(resource)

    async def transport_gone(self, fact: TransportGone) -> None:
        """The relay lost a resource's transport: there is nothing to renew it with."""
        resource = self._resources.get(self._by_transport.get(fact.transport_id, ""))
        holding = self._held.get(resource.session_id) if resource else None
        if resource is None or holding is None:
            return
        caller = cmd.Caller(holding.session.user.user_id, resource.session_id, resource.actor)
        try:
            counted = self._forget(resource)
            remaining = (await self._end(resource, caller)).remaining
            await self._let_go(resource, caller, remaining, counted=counted)
        except Rejection as rejection:
            log.warning("whip_resource_left_over", code=rejection.problem.code)

    # the session behind the resources

    async def _enter(self, token: str, app: int, room: str, address: str) -> tuple[Session, RoomMember]:
        checked = await self._logins.verify(app, "", room, token, address=address)
        self._admission.pace_offer(app, checked.user_id)
        room = check_room_id(checked.room or room)
        session_id = session_id_of(app, checked.user_id, room)
        rights = rights_of(checked)
        async with self._doors.setdefault(session_id, asyncio.Lock()):
            holding = self._held.get(session_id)
            if holding is None or room not in holding.session.rooms:
                session = Session(session_id, app, client.UserRef(checked.user_id, checked.user_id))
                session.address = address
                feed, _, actor = await self._logins.join(session, room, client.LoginConfig(), str(uuid4()), rights)
                self._logins.add_member(session, feed, actor, rights)
                self._sessions.keep(session)
                holding = self._held[session_id] = SharedSession(session)
            holding.session.rights[room] = rights
            holding.uses += 1
            return holding.session, holding.session.rooms[room]

    async def _let_go(self, resource: Resource, caller: cmd.Caller, remaining: int, *, counted: bool) -> None:
        """One use less here, if it was `counted`; where nothing is left, here or on any relay, the session leaves the room."""
        session_id = resource.session_id
        async with self._doors.setdefault(session_id, asyncio.Lock()):
            holding = self._held.get(session_id)
            if holding is not None and counted:
                holding.uses -= 1
            if holding is not None and holding.uses > 0:
                return
            self._held.pop(session_id, None)
            if remaining == 0:
                body = cmd.LeaveRoom(session_id)
                await self._services.ask(resource.app, resource.room, _request(caller, body))
        self._doors.pop(session_id, None)

    # the resources

    async def _negotiate(
        self, session: Session, member: RoomMember, caller: cmd.Caller, stream_id: str, sdp: str, publishes: bool
    ) -> CreatedResource:
        resource_id = uuid4().hex
        kind = cmd.Publish if publishes else cmd.Play
        body = kind(session.session_id, stream_id, sdp, cmd.MediaSections(), resource=resource_id)
        reply = await self._services.ask(session.app, member.room, _request(caller, body))
        made = decode_result(reply, cmd.Published)
        resource = Resource(
            resource_id, session.session_id, session.app, member.room, member.actor, stream_id, publishes,
            made.transport_id, head_of(made.sdp),
        )  # fmt: skip
        self._resources[resource_id] = resource
        self._by_transport[made.transport_id] = resource_id
        servers = self._logins.turn.servers(session.session_id, time.time())
        return CreatedResource(address(self._key, resource), made.sdp, ufrag_of(made.sdp), servers)

    async def _end(self, resource: Resource, caller: cmd.Caller) -> cmd.ResourceEnded:
        body = cmd.EndResource(
            resource.session_id, resource.stream_id, resource.transport_id, publishes=resource.publishes
        )
        reply = await self._services.ask(resource.app, resource.room, _request(caller, body))
        return decode_result(reply, cmd.ResourceEnded)

    def _forget(self, resource: Resource) -> bool:
        """Whether it was known here."""
        self._by_transport.pop(resource.transport_id, None)
        return self._resources.pop(resource.resource_id, None) is not None


def session_id_of(app: int, user_id: str, room: str) -> str:
    """The one session of a user's resources in a room."""
    return str(uuid5(_SESSIONS, f"{app}/{user_id}/{room}/whip"))


def _no_resource() -> Rejection:
    return Rejection.of(Code.NOT_FOUND, "no such resource")


def _request(caller: cmd.Caller, body: cmd.Command) -> cmd.Request:
    return cmd.Request(str(uuid4()), caller, cast(cmd.AnyCommand, body))
