"""WHIP and WHEP: one HTTP request is one offer, its resource one stream sent or received.

All resources of a user in a room share one session, so that one token may publish and play many streams; the session joins with the first
and leaves with the last. The session has no connection: its presence beats as long as it has resources.
"""

import asyncio
from typing import cast
from uuid import UUID, uuid4, uuid5

import msgspec

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_room_id, check_stream_id
from parlour.contracts.queries import SessionBeat
from parlour.contracts.relay import TransportGone
from parlour.gateway.domain import secret
from parlour.gateway.domain.mirror import Ending
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger

from .apps import Apps
from .fragments import fragment_of, media_in, with_credentials
from .login import Logins, result_of
from .ports import Services
from .requests import check_may_publish
from .seat import Seat, Session
from .sessions import Sessions

_SESSIONS = UUID("5f8b4f8e-8a0e-5f3b-9f6c-0b3e7d1f2a44")
"""Namespace of these sessions' ids."""

log = logger(__name__)


class Resource(msgspec.Struct, frozen=True):
    """One stream of one session on a transport of its own."""

    resource_id: str
    session_id: str
    room: str
    stream_id: str
    publishes: bool
    transport_id: str
    offer: str = ""
    tag: str = ""
    """Names the ICE session: a new one with each restart."""


class Made(msgspec.Struct, frozen=True):
    """What the client gets: the resource's id and the relay's answer."""

    resource_id: str
    sdp: str
    tag: str


class Fresh(msgspec.Struct, frozen=True):
    """The relay's side of a restarted ICE session."""

    fragment: str
    tag: str


class Whip:
    """The resources of this gateway."""

    def __init__(self, services: Services, apps: Apps, logins: Logins, sessions: Sessions, limit: int) -> None:
        self._services = services
        self._apps = apps
        self._logins = logins
        self._sessions = sessions
        self._limit = limit
        self._resources: dict[str, Resource] = {}
        self._by_transport: dict[str, str] = {}
        self._held: dict[str, Session] = {}
        self._uses: dict[str, int] = {}
        self._doors: dict[str, asyncio.Lock] = {}

    async def make(self, token: str, app: str, room: str, stream_id: str, sdp: str, *, publishes: bool) -> Made:
        """A new resource."""
        check_stream_id(stream_id)
        if len(self._resources) >= self._limit:
            raise Rejection.of(
                Code.UNAVAILABLE, "this gateway carries as many resources as it may", limit=str(self._limit)
            )
        session, seat = await self._enter(token, await self._apps.meant(app), room)
        try:
            if publishes:
                check_may_publish(session, seat.room, stream_id)
            return await self._negotiate(session, seat, stream_id, sdp, publishes)
        except BaseException:
            await self._step_out(session, seat)
            raise

    async def end(self, resource_id: str, token: str) -> None:
        """The client takes its resource away; whoever knows the address and holds a token of the same user may."""
        await self._drop(*await self._own(resource_id, token))

    async def tag(self, resource_id: str, token: str) -> str:
        """The entity tag of the resource's ICE session, for its user."""
        return (await self._own(resource_id, token))[0].tag

    async def patch(self, resource_id: str, token: str, fragment: str) -> Fresh | None:
        """New ICE credentials restart ICE; candidates alone change nothing (None): the relay is ICE-lite and learns addresses from
        checks."""
        resource, session = await self._own(resource_id, token)
        offer = with_credentials(resource.offer, fragment)
        if offer == resource.offer:
            return None
        body = cmd.RestartIce(session.session_id, resource.transport_id, offer)
        request = _request(session, session.seats[resource.room], body)
        made = result_of(await self._services.ask(session.app, "registry", resource.room, request), cmd.Published)
        fresh = msgspec.structs.replace(resource, offer=offer, tag=uuid4().hex)
        if resource_id in self._resources:
            self._resources[resource_id] = fresh
        return Fresh(fragment_of(made.sdp), fresh.tag)

    async def _own(self, resource_id: str, token: str) -> tuple[Resource, Session]:
        resource = self._resources.get(resource_id)
        session = self._held.get(resource.session_id) if resource else None
        if resource is None or session is None:
            raise Rejection.of(Code.NOT_FOUND, "no such resource")
        checked = await self._logins.verify(session.app, "", resource.room, token)
        if checked.user_id != session.user.user_id:
            raise Rejection.of(Code.FORBIDDEN, "this is another user's resource")
        return resource, session

    def beats(self) -> list[SessionBeat]:
        """Sessions that hold a resource."""
        return [SessionBeat(s.app, room, s.session_id) for s in self._held.values() for room in s.seats]

    def ended(self, seat: Seat, ending: Ending) -> None:
        """The stay is over: its resources are too."""
        session_id = seat.session.session_id
        if self._held.pop(session_id, None) is None:
            return
        self._uses.pop(session_id, None)
        for resource in [r for r in self._resources.values() if r.session_id == session_id]:
            self._forget(resource)

    async def transport_gone(self, fact: TransportGone) -> None:
        """The relay lost a resource's transport: there is nothing to renew it with."""
        resource = self._resources.get(self._by_transport.get(fact.transport_id, ""))
        session = self._held.get(resource.session_id) if resource else None
        if resource is not None and session is not None:
            try:
                await self._drop(resource, session)
            except Rejection as rejection:
                log.warning("whip_resource_left_over", code=rejection.problem.code)

    async def leave_all(self) -> None:
        """The gateway stops: its sessions leave."""
        for session in tuple(self._held.values()):
            for seat in tuple(session.seats.values()):
                await self._leave(session, seat)

    # the session behind the resources

    async def _enter(self, token: str, app: int, room: str) -> tuple[Session, Seat]:
        checked = await self._logins.verify(app, "", room, token)
        room = check_room_id(checked.room or room)
        session_id = str(uuid5(_SESSIONS, f"{app}/{checked.user_id}/{room}/whip"))
        rights = secret.Rights(checked.expires_s, checked.may_publish, checked.stream_ids)
        async with self._doors.setdefault(session_id, asyncio.Lock()):
            session = self._held.get(session_id)
            if session is None or room not in session.seats:
                session = Session(session_id, app, client.Face(checked.user_id, checked.user_id))
                feed, _, actor = await self._logins.join(session, room, client.LoginConfig(), str(uuid4()), rights)
                self._logins.take_seat(session, feed, actor, rights)
                self._sessions.keep(session)
                self._held[session_id] = session
                self._uses[session_id] = 0
            session.rights[room] = rights
            self._uses[session_id] += 1
            return session, session.seats[room]

    async def _step_out(self, session: Session, seat: Seat) -> None:
        """One use less; the last one leaves the room."""
        async with self._doors.setdefault(session.session_id, asyncio.Lock()):
            left = self._uses.get(session.session_id, 0) - 1
            if left > 0:
                self._uses[session.session_id] = left
                return
            self._held.pop(session.session_id, None)
            self._uses.pop(session.session_id, None)
            await self._leave(session, seat)
        self._doors.pop(session.session_id, None)

    async def _leave(self, session: Session, seat: Seat) -> None:
        body = cmd.LeaveRoom(session.session_id)
        await self._services.ask(session.app, "room", seat.room, _request(session, seat, body))

    # the resources

    async def _negotiate(self, session: Session, seat: Seat, stream_id: str, sdp: str, publishes: bool) -> Made:
        resource_id = uuid4().hex
        media = media_in(sdp)
        body: cmd.Publish | cmd.Play = (
            cmd.Publish(session.session_id, stream_id, sdp, media, resource=resource_id)
            if publishes
            else cmd.Play(session.session_id, stream_id, sdp, media, resource=resource_id)
        )
        reply = await self._services.ask(session.app, "registry", seat.room, _request(session, seat, body))
        made = result_of(reply, cmd.Published)
        resource = Resource(
            resource_id, session.session_id, seat.room, stream_id, publishes, made.transport_id, sdp, uuid4().hex
        )
        self._resources[resource_id] = resource
        self._by_transport[made.transport_id] = resource_id
        return Made(resource_id, made.sdp, resource.tag)

    async def _drop(self, resource: Resource, session: Session) -> None:
        self._forget(resource)
        seat = session.seats.get(resource.room)
        if seat is None:
            return
        body: cmd.StopPublish | cmd.StopPlay = (
            cmd.StopPublish(session.session_id, resource.stream_id, close_transport=True)
            if resource.publishes
            else cmd.StopPlay(session.session_id, resource.stream_id, resource.transport_id)
        )
        try:
            await self._services.ask(session.app, "registry", resource.room, _request(session, seat, body))
        finally:
            await self._step_out(session, seat)

    def _forget(self, resource: Resource) -> None:
        self._resources.pop(resource.resource_id, None)
        self._by_transport.pop(resource.transport_id, None)


def _request(session: Session, seat: Seat, body: cmd.Command) -> cmd.Request:
    caller = cmd.Caller(session.user.user_id, session.session_id, seat.actor)
    return cmd.Request(str(uuid4()), caller, cast(cmd.AnyCommand, body))
