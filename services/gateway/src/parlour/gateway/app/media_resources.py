"""WHIP and WHEP: one HTTP request is one offer, its resource one stream sent or received.

All resources of a user in a room share one session, so that one token may publish and play many streams; the session joins with the first
and leaves with the last. It has no connection: what it is there by are its media, of which the registry hears. A resource's address says
all that it takes to end or renew it, so any gateway may; what is remembered here only makes the end of a transport felt at once.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID, uuid5

import msgspec

from parlour.contracts import client
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_room_id, check_stream_id
from parlour.contracts.relay import IceRenewed, TransportGone
from parlour.gateway.app.access.request_limits import RequestLimiter
from parlour.gateway.app.access.token_verifier import Apps
from parlour.gateway.app.ports import Services, decode_result
from parlour.gateway.app.requests.login import LoginHandler, rights_of
from parlour.gateway.app.sessions.session import RoomMember, Session, SessionTable
from parlour.gateway.domain import media_resource
from parlour.gateway.domain.media_resource import MediaResource
from parlour.kernel.decider import Clock, Ids
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger

_SESSION_IDS = UUID("5f8b4f8e-8a0e-5f3b-9f6c-0b3e7d1f2a44")
"""Namespace of these sessions' ids."""

log = logger(__name__)
R = TypeVar("R")


class CreatedResource(msgspec.Struct, frozen=True):
    """What the client gets: the resource's address and the relay's answer. `tag` names the ICE session: a new one with each restart;
    `ice_servers` are the TURN servers that the client may use, with credentials of its session."""

    address: str
    sdp: str
    tag: str
    ice_servers: tuple[client.IceServer, ...] = ()


@dataclass
class SharedSession:
    """A session that resources of this gateway share; `uses` counts them, with those under way."""

    session: Session
    uses: int = 0


@dataclass(eq=False)
class MediaResources:
    """Creates, renews and ends resources; `key` signs their addresses, `limit` is how many there may be."""

    _services: Services
    _apps: Apps
    _logins: LoginHandler
    _sessions: SessionTable
    _limiter: RequestLimiter
    _key: bytes
    _limit: int
    _clock: Clock
    _ids: Ids

    def __post_init__(self) -> None:
        self._resources: dict[str, MediaResource] = {}
        self._by_transport: dict[str, str] = {}
        self._shared: dict[str, SharedSession] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def create(
        self, token: str, app: str, room: str, stream_id: str, sdp: str, *, publishes: bool, address: str
    ) -> CreatedResource:
        """Creates a resource from a client's offer; `Rejection` where the token, a limit or a service refuses it."""
        check_stream_id(stream_id)
        if len(self._resources) >= self._limit:
            raise Rejection(
                Code.UNAVAILABLE, "this gateway carries as many resources as it may", limit=str(self._limit)
            )
        session, member = await self._join(token, await self._apps.resolve(app), room, address)
        caller = cmd.Caller(session.user.user_id, session.session_id, member.actor)
        try:
            if publishes:
                session.rights[member.room].check_may_publish(stream_id, self._clock.at() / 1e6)
            return await self._negotiate(session, member, caller, stream_id, sdp, publishes)
        except BaseException:
            none = MediaResource(
                "", session.session_id, session.app, member.room, member.actor, stream_id, False, "none", ()
            )
            with suppress(Rejection):  # asks what else the session has
                await self._end(none, caller, counted=True)
            raise

    async def end(self, text: str, token: str, address: str) -> None:
        """Ends a resource for whoever knows its address and holds a token of the same user; `Rejection` for anybody else."""
        resource, caller = await self._open_own(text, token, address)
        if not (await self._end(resource, caller, counted=self._remove(resource))).found:
            raise _no_resource()

    async def patch(self, text: str, token: str, sent: str, match: str, address: str) -> tuple[IceRenewed, str]:
        """Takes a client's ICE fragment. New credentials restart ICE; candidates alone change nothing, since the relay is ICE-lite and
        learns addresses from checks. `match` is the tag that the client knows, empty for any. Returns what the relay did, and the fragment
        with its side of the new ICE session.
        """
        resource, caller = await self._open_own(text, token, address)
        ufrag, pwd = media_resource.parse_credentials(sent)
        body = cmd.RenewIce(resource.session_id, resource.transport_id, ufrag, pwd, match)
        renewed = await self._ask(resource.app, resource.room, caller, body, IceRenewed)
        return renewed, media_resource.write_fragment(resource.head, renewed)

    async def _open_own(self, text: str, token: str, address: str) -> tuple[MediaResource, cmd.Caller]:
        resource = media_resource.decode_address(self._key, text)
        if resource is None:
            raise _no_resource()
        checked = await self._logins.verify_token(resource.app, "", resource.room, token, address=address)
        if session_id_of(resource.app, checked.user_id, resource.room) != resource.session_id:
            raise Rejection(Code.FORBIDDEN, "this is another user's resource")
        shared = self._shared.get(resource.session_id)
        rights = shared.session.rights if shared is not None else {}
        if resource.room in rights and rights[resource.room].expires_s < checked.expires_s:
            rights[resource.room] = rights_of(checked)
        return resource, cmd.Caller(checked.user_id, resource.session_id, resource.actor)

    def sessions(self) -> list[Session]:
        """Returns the sessions that hold a resource, or are about to."""
        return [shared.session for shared in self._shared.values()]

    def end_stay(self, member: RoomMember) -> None:
        """Drops the resources of a session whose stay in the room is over."""
        session_id = member.session.session_id
        if self._shared.pop(session_id, None) is None:
            return
        for resource in [r for r in self._resources.values() if r.session_id == session_id]:
            self._remove(resource)

    async def on_transport_gone(self, fact: TransportGone) -> None:
        """Ends the resource on a transport that a relay reports as gone, since the resource cannot be renewed."""
        resource = self._resources.get(self._by_transport.get(fact.transport_id, ""))
        shared = self._shared.get(resource.session_id) if resource else None
        if resource is None or shared is None:
            return
        caller = cmd.Caller(shared.session.user.user_id, resource.session_id, resource.actor)
        try:
            await self._end(resource, caller, counted=self._remove(resource))
        except Rejection as rejection:
            log.warning("whip_resource_left_over", code=rejection.problem.code)

    # the session behind the resources

    async def _join(self, token: str, app: int, room: str, address: str) -> tuple[Session, RoomMember]:
        checked = await self._logins.verify_token(app, "", room, token, address=address)
        self._limiter.check_offer_rate(app, checked.user_id)
        room = check_room_id(checked.room or room)
        session_id = session_id_of(app, checked.user_id, room)
        rights = rights_of(checked)
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            shared = self._shared.get(session_id)
            if shared is None or room not in shared.session.rooms:
                session = Session(session_id, app, client.UserRef(checked.user_id, checked.user_id))
                session.address = address
                feed, _, joined = await self._logins.join_room(
                    session, room, client.LoginConfig(), self._ids.uuid7(), rights
                )
                self._logins.add_member(session, feed, joined.actor, rights)
                self._sessions.add(session)
                shared = self._shared[session_id] = SharedSession(session)
            shared.session.rights[room] = rights
            shared.uses += 1
            return shared.session, shared.session.rooms[room]

    async def _end(self, resource: MediaResource, caller: cmd.Caller, *, counted: bool) -> cmd.ResourceEnded:
        """Ends a resource's media, and one use of its session, if the use was `counted`; the session leaves the room if it has nothing
        left, here or on any relay.
        """
        session_id, app, room = resource.session_id, resource.app, resource.room
        body = cmd.EndResource(session_id, resource.stream_id, resource.transport_id, publishes=resource.publishes)
        ended = await self._ask(app, room, caller, body, cmd.ResourceEnded)
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            shared = self._shared.get(session_id)
            if shared is not None and counted:
                shared.uses -= 1
            if shared is not None and shared.uses > 0:
                return ended
            self._shared.pop(session_id, None)
            if ended.remaining == 0:
                await self._ask(app, room, caller, cmd.LeaveRoom(session_id), msgspec.Raw)
        self._locks.pop(session_id, None)
        return ended

    # the resources

    async def _negotiate(
        self, session: Session, member: RoomMember, caller: cmd.Caller, stream_id: str, sdp: str, publishes: bool
    ) -> CreatedResource:
        resource_id = self._ids.uuid7()
        kind = cmd.Publish if publishes else cmd.Play
        body = kind(session.session_id, stream_id, sdp, cmd.MediaSections(), resource=resource_id)
        made = await self._ask(session.app, member.room, caller, body, cmd.Published)
        resource = MediaResource(
            resource_id, session.session_id, session.app, member.room, member.actor, stream_id, publishes,
            made.transport_id, media_resource.fragment_head(made.sdp),
        )  # fmt: skip
        self._resources[resource_id] = resource
        self._by_transport[made.transport_id] = resource_id
        servers = self._logins.turn_servers.issue(session.session_id, self._clock.at() / 1e6)
        return CreatedResource(
            media_resource.encode_address(self._key, resource), made.sdp, media_resource.ufrag_of(made.sdp), servers
        )

    async def _ask(self, app: int, room: str, caller: cmd.Caller, body: cmd.AnyCommand, kind: type[R]) -> R:
        return decode_result(await self._services.ask(app, room, cmd.Request(self._ids.uuid7(), caller, body)), kind)

    def _remove(self, resource: MediaResource) -> bool:
        """Removes the resource; tells whether it was known here."""
        self._by_transport.pop(resource.transport_id, None)
        return self._resources.pop(resource.resource_id, None) is not None


def session_id_of(app: int, user_id: str, room: str) -> str:
    """Returns the id of the one session that all of a user's resources in a room share."""
    return str(uuid5(_SESSION_IDS, f"{app}/{user_id}/{room}/whip"))


def _no_resource() -> Rejection:
    return Rejection(Code.NOT_FOUND, "no such resource")
