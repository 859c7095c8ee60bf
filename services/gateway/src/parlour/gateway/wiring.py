"""Puts the gateway together: the only place where adapters are chosen."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from parlour.contracts import events as ev
from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import HeadBeacon, Presence, SessionBeat
from parlour.contracts.relay import TransportGone
from parlour.runtime.http import LimitBody
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.process.descriptors import raise_descriptor_limit
from parlour.runtime.process.run import Service
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

from .adapters.calls import BusCalls
from .adapters.discovery import Discovery
from .adapters.proofs import BusProofs
from .adapters.services import BusServices
from .adapters.webhooks import BusWebhooks
from .api import events_http, history_http, moderation_http, privacy_http, proofs_http, webhooks_http
from .api.bearer import Bearer
from .api.edge import Edge
from .api.http import Status, build_http
from .api.openapi import document
from .api.server import serving
from .api.websocket import WebSockets
from .app.access.apps import Apps
from .app.access.request_limits import RequestLimiter
from .app.access.token_throttle import TokenThrottle
from .app.access.token_verifier import TokenVerifier
from .app.call_history import CallHistory
from .app.delivery.feeds import RoomFeeds
from .app.delivery.history_cache import SharedHistory
from .app.delivery.lag import Lag, lag
from .app.delivery.readers import Readers
from .app.delivery.resume import Resumes
from .app.delivery.subscriptions import Subscriptions
from .app.media_resources.resources import MediaResources
from .app.moderation import AddressBans, Moderation
from .app.sessions.dispatch import RequestDispatcher
from .app.sessions.expiry import TokenExpiry
from .app.sessions.heartbeats import HeartbeatPublisher
from .app.sessions.login import LoginHandler
from .app.sessions.requests import RequestHandlers
from .app.sessions.session import Channel, RoomMember
from .app.sessions.session_table import SessionTable
from .domain.encoded_event import StayEnd
from .domain.token_bucket import TokenBucket
from .settings import GatewaySettings

log = logger(__name__)
_beacon = msgspec.json.Decoder(HeadBeacon)
_view = msgspec.json.Decoder(EventView)
_gone = msgspec.json.Decoder(TransportGone)


class Gateway:
    """Everything but the sockets."""

    def __init__(self, settings: GatewaySettings, bus: Bus, metrics: Metrics) -> None:
        self._settings = settings
        self._bus = bus
        self.services = BusServices(bus)
        self.sessions = SessionTable()
        history = SharedHistory(self.services, time.monotonic)
        self.feeds = RoomFeeds(self.services, history, self._ended)
        self.apps = Apps(self.services, settings.default_app)
        throttled = metrics.counter("tokens_throttled", "Tokens that came too soon after refused ones.", ("outcome",))
        throttle = TokenThrottle(settings.refusals(), throttled)
        self.principals = TokenVerifier(self.services, self.apps, throttle)
        self.readers = Readers(self.services, self.feeds, self.principals)
        self.address_bans = AddressBans(self.services, self.sessions)
        self.admission = RequestLimiter(settings.limits())
        self.followers = Readers(history, self.feeds, self.principals, use_local_mirror=True)
        self.subscribers = Subscriptions(self.followers, self.principals, self.admission, self._fault)
        key = settings.session_key
        self.logins = LoginHandler(
            self.services, self.feeds, self.sessions, key, settings.timing(), settings.turn(), throttle
        )
        self.resumes = Resumes(history, self.feeds, self.sessions, self.logins, key)
        self.requests = RequestHandlers(self.services, self.logins)
        self.whip = MediaResources(
            self.services, self.apps, self.logins, self.sessions, self.admission, key, settings.whip_resources
        )
        self.expiry = TokenExpiry(self.services, lambda: [*self.sessions.connected(), *self.whip.sessions()])
        self.beats = HeartbeatPublisher(settings.instance, self.feeds, self._beats, self._tell)
        self.connections = metrics.gauge("connections", "WebSocket clients connected.")
        metrics.measured(
            "clients_lagging", "Rooms of clients that lack events and catch up.", lambda: self.lag().clients
        )
        metrics.measured("lag_events", "Events that the worst of them lacks.", lambda: self.lag().events)
        metrics.measured("lag_seconds", "For how long the worst of them has lagged.", lambda: self.lag().seconds)

    def lag(self) -> Lag:
        """How far clients are behind."""
        return lag(self.feeds.all(), self.subscribers.open)

    def dispatch(self, channel: Channel) -> RequestDispatcher:
        """The requests of a new connection."""
        pace = TokenBucket(self._settings.frames_per_s, self._settings.frames_burst, time.monotonic())
        following = self.subscribers.of(channel)
        return RequestDispatcher(
            channel, self.logins, self.resumes, self.requests, self.sessions, following, pace, self._fault
        )

    def routers(self) -> tuple[Any, ...]:
        """The endpoints of the record."""
        bearer = Bearer(self.principals, self.admission)
        return (
            history_http.routes(CallHistory(BusCalls(self._bus), self.services), bearer),
            events_http.routes(bearer, self.readers, self.admission),
            moderation_http.routes(Moderation(self.services, BusCalls(self._bus), self.services), bearer),
            privacy_http.routes(self.services, bearer),
            proofs_http.routes(
                BusProofs(self._bus), self.services, bearer, entries_public=self._settings.public_entries
            ),
            webhooks_http.routes(bearer, BusWebhooks(self._bus)),
        )

    async def listen(self) -> None:
        """Hears heads and relays."""
        await self._bus.subscribe(subjects.ALL_HEADS, self._heads)
        await self._bus.subscribe(subjects.ALL_APP_EVENTS, self._of_an_app, on_overflow=self.principals.doubt)
        await self._bus.subscribe(subjects.RELAY_FACTS.removesuffix("*") + "transport_gone", self._transport_gone)
        self._bus.on_reconnect(self.feeds.reconnected)
        self._bus.on_reconnect(self.principals.doubt)

    def _ended(self, member: RoomMember, ending: StayEnd) -> None:
        self.whip.ended(member, ending)
        self.sessions.ended(member, ending)

    def _fault(self, error: BaseException) -> None:
        self._bus.report_fault("client", error)

    def _beats(self) -> list[SessionBeat]:
        return [*self.sessions.beats(), *self.whip.beats()]

    async def _tell(self, presence: Presence) -> None:
        await self._bus.publish(subjects.presence(presence.gateway), msgspec.json.encode(presence))

    async def _heads(self, _to: Address, payload: bytes, _headers: Headers) -> None:
        self.feeds.beacon(_beacon.decode(payload))

    async def _of_an_app(self, _to: Address, payload: bytes, _headers: Headers) -> None:
        view = _view.decode(payload)
        self.principals.heard(view)
        await self.address_bans.heard(view)
        if view.type == ev.UserErased.TAG:
            self.feeds.erased(view.app, msgspec.json.decode(view.data, type=ev.UserErased).actor)

    async def _transport_gone(self, _to: Address, payload: bytes, _headers: Headers) -> None:
        fact = _gone.decode(payload)
        self.sessions.transport_gone(fact)
        await self.whip.transport_gone(fact)


@asynccontextmanager
async def build(settings: GatewaySettings) -> AsyncIterator[Service]:
    """The running gateway."""
    metrics = Metrics("gateway")
    open_sockets = settings.sockets(raise_descriptor_limit())
    async with await Bus.connect(settings, "gateway", metrics) as bus:
        gateway = Gateway(settings, bus, metrics)
        await gateway.listen()
        await bus.serve("gateway", "1.0.0", {})
        sockets = WebSockets(
            gateway.dispatch, settings.origins, settings.max_connections, gateway.connections, open_sockets
        )
        status = Status(lambda: len(gateway.feeds.all()), lambda: sockets.open)
        pages = build_http(
            gateway.apps, gateway.whip, Discovery(bus), status, gateway.routers(),
            web_root=settings.web_root, dev=settings.dev,
        )  # fmt: skip
        certificate = (settings.tls_certificate, settings.tls_key or settings.tls_certificate)
        async with (
            serving(
                Edge(LimitBody(pages), bus.report_fault),
                settings.host,
                settings.port,
                certificate,
                sockets.protocol,
                open_sockets,
                settings.answered_hosts(),
            ) as port,
            asyncio.TaskGroup() as group,
        ):
            log.info("listening", host=settings.host, port=port)
            loops = (gateway.beats.run(), gateway.expiry.run(), sockets.run())
            running = [group.create_task(loop) for loop in loops]
            yield Service(metrics, {"bus": lambda: bus.connected})
            gateway.readers.close()
            gateway.followers.close()
            for task in running:
                task.cancel()
            await sockets.stop()


def described() -> dict[str, Any]:
    """The OpenAPI document of a gateway, which need not run for it: `python -m parlour.gateway.wiring` prints it."""
    nobody: Any = None
    gateway = Gateway(GatewaySettings(), nobody, Metrics("gateway"))
    status = Status(lambda: 0, lambda: 0)
    return document(build_http(gateway.apps, gateway.whip, nobody, status, gateway.routers(), web_root="", dev=False))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(described()), indent=2) + b"\n")
