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
from parlour.contracts.queries import HeadBeacon, Presence
from parlour.contracts.relay import TransportGone, TransportMove
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.http import LimitBody
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.process.descriptors import raise_descriptor_limit
from parlour.runtime.process.run import Service
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

from .adapters.certificate import read_expiry
from .adapters.discovery import Discovery
from .adapters.services import BusServices
from .api.edge import HttpEdge
from .api.http import build_http
from .api.http_metrics import HttpMetrics
from .api.openapi import document
from .api.server import serve_http
from .api.status_http import ServerStatus
from .api.web_files import WebFiles
from .api.websocket import WebSockets
from .app.access.request_limits import RequestLimiter, RequestLimits
from .app.access.token_throttle import TokenThrottle
from .app.access.token_verifier import Apps, TokenVerifier
from .app.call_history import CallHistory
from .app.delivery.channel_delivery import Lag, measure_lag
from .app.delivery.feeds import RoomFeeds
from .app.delivery.history_cache import SharedHistory
from .app.delivery.readers import Readers
from .app.delivery.subscriptions import ConnectionSubscriptions, Subscriptions
from .app.media_resources import MediaResources
from .app.moderation import AddressBans, Moderation
from .app.ports import GatewayCommands, History, RecordQueries
from .app.requests.dispatch import RequestDispatcher
from .app.requests.frame_metrics import FrameMetrics
from .app.requests.heartbeats import HeartbeatPublisher
from .app.requests.login import LoginHandler, Timing
from .app.requests.resume import ResumeHandler
from .app.requests.room_requests import RoomRequestHandler
from .app.sessions.expiry import TokenExpiry
from .app.sessions.session import Channel, RoomMember, Session, SessionTable
from .domain.encoded_event import StayEnd
from .domain.token_bucket import TokenBucket
from .domain.turn_credentials import TurnServers
from .settings import GatewaySettings

log = logger(__name__)
_beacon = msgspec.json.Decoder(HeadBeacon)
_view = msgspec.json.Decoder(EventView)
_gone = msgspec.json.Decoder(TransportGone)
_move = msgspec.json.Decoder(TransportMove)


class Gateway:
    """The application behind the sockets: everything that needs no listening port, so that the simulation plays it too."""

    def __init__(self, settings: GatewaySettings, bus: Bus, metrics: Metrics) -> None:
        self._settings = settings
        self._bus = bus
        self._clock = clock = SystemClock()
        now, ids, key = time.monotonic, SystemIds(), settings.session_key
        self.services = services = BusServices(bus)
        self.sessions = sessions = SessionTable()
        self.commands = GatewayCommands(services, ids)
        history = SharedHistory(services, now)
        self.feeds = RoomFeeds(services, history, self._on_stay_end)
        self.apps = Apps(self.commands, settings.default_app)
        throttled = metrics.counter("tokens_throttled", "Tokens that came too soon after refused ones.", ("outcome",))
        throttle = TokenThrottle(settings.refused_tokens_per_min, settings.refused_tokens_per_app, throttled, now)
        self.verifier = TokenVerifier(self.commands, self.apps, throttle, clock, now)
        self.readers = Readers(services, self.feeds, self.verifier, clock)
        self.address_bans = AddressBans(self.commands, sessions)
        self.limiter = RequestLimiter(msgspec.convert(settings, RequestLimits, from_attributes=True), now)
        self.followers = Readers(history, self.feeds, self.verifier, clock, use_local_mirror=True)
        self.subscribers = Subscriptions(self.followers, self.verifier, self.limiter, self._fault)
        timing = msgspec.convert(settings, Timing, from_attributes=True)
        turn_servers = TurnServers(settings.turn_urls, settings.turn_secret, settings.turn_lifetime_s)
        self.logins = LoginHandler(services, self.feeds, sessions, key, timing, turn_servers, throttle, clock)
        self.resumes = ResumeHandler(history, self.feeds, sessions, self.logins, key, clock)
        self.requests = RoomRequestHandler(services, self.logins, clock)
        self.resources = MediaResources(
            services, self.apps, self.logins, sessions, self.limiter, key, settings.whip_resources, clock, ids
        )
        self.expiry = TokenExpiry(self.commands, self._local_sessions, clock)
        self.frame_metrics = FrameMetrics(metrics, now)
        self.heartbeats = HeartbeatPublisher(
            settings.instance, self.feeds, self._local_sessions, self._publish_presence
        )
        self.connections = metrics.gauge("connections", "WebSocket clients connected.")
        metrics.gauge("connections_limit", "WebSocket clients that may be connected.").set(settings.max_connections)
        metrics.measured("rooms_followed", "Rooms whose events clients get here.", lambda: len(self.feeds.all()))
        lag = self.measure_lag
        metrics.measured("clients_lagging", "Rooms of clients that lack events and catch up.", lambda: lag().clients)
        metrics.measured("lag_events", "Events that the worst of them lacks.", lambda: lag().events)
        metrics.measured("lag_seconds", "For how long the worst of them has lagged.", lambda: lag().seconds)

    def measure_lag(self) -> Lag:
        """Measures how far clients lag behind their rooms."""
        members = (one for feed in self.feeds.all() for one in feed.members.values())
        return measure_lag((*members, *self.subscribers.deliveries))

    def make_dispatcher(self, channel: Channel) -> RequestDispatcher:
        """Returns the dispatcher of a new connection."""
        rate, burst = self._settings.frames_per_s, self._settings.frames_burst
        pace = TokenBucket(rate, burst, asyncio.get_running_loop().time())
        subscriptions = ConnectionSubscriptions(self.subscribers, channel)
        return RequestDispatcher(
            channel, self.logins, self.resumes, self.requests, self.sessions, subscriptions, pace, self.frame_metrics, self._fault,
            self._clock,
        )  # fmt: skip

    def http_objects(self, status: ServerStatus) -> dict[type[Any], Any]:
        """Returns the objects that HTTP handlers ask for by their type; `status` is what the status page shows."""
        return {
            GatewayCommands: self.commands, History: self.services, RecordQueries: self.services, Apps: self.apps,
            TokenVerifier: self.verifier, RequestLimiter: self.limiter, MediaResources: self.resources,
            CallHistory: CallHistory(self.services, self.services), Moderation: Moderation(self.commands, self.services, self.services),
            ServerStatus: status, WebFiles: WebFiles(), Readers: self.readers,
            GatewaySettings: self._settings,
        }  # fmt: skip

    async def listen(self) -> None:
        """Subscribes to room heads, app events and what relays report."""
        await self._bus.subscribe(subjects.ALL_HEADS, self._on_heads)
        await self._bus.subscribe(subjects.ALL_APP_EVENTS, self._on_app_event, on_overflow=self.verifier.invalidate)
        relay_facts = subjects.RELAY_FACTS.removesuffix("*")
        await self._bus.subscribe(relay_facts + "transport_gone", self._on_transport_gone)
        await self._bus.subscribe(relay_facts + "transport_move", self._on_transport_move)
        self._bus.on_reconnect(self.feeds.on_reconnect)
        self._bus.on_reconnect(self.verifier.invalidate)

    def _on_stay_end(self, member: RoomMember, ending: StayEnd) -> None:
        self.resources.end_stay(member)
        self.sessions.end_stay(member, ending)

    def _fault(self, error: BaseException) -> None:
        self._bus.report_fault("client", error)

    def _local_sessions(self) -> list[Session]:
        """Returns the sessions whose connections or WHIP resources are here."""
        return [*self.sessions.connected(), *self.resources.sessions()]

    async def _publish_presence(self, presence: Presence) -> None:
        await self._bus.publish(subjects.presence(presence.gateway), msgspec.json.encode(presence))

    async def _on_heads(self, _to: Address, payload: bytes, _headers: Headers) -> None:
        self.feeds.on_head_beacon(_beacon.decode(payload))

    async def _on_app_event(self, _to: Address, payload: bytes, _headers: Headers) -> None:
        view = _view.decode(payload)
        self.verifier.on_app_event(view)
        await self.address_bans.on_app_event(view)
        if view.type == ev.UserErased.TAG:
            self.feeds.on_user_erased(view.app, msgspec.json.decode(view.data, type=ev.UserErased).actor)

    async def _on_transport_gone(self, _to: Address, payload: bytes, _headers: Headers) -> None:
        fact = _gone.decode(payload)
        self.sessions.on_transport_gone(fact)
        await self.resources.on_transport_gone(fact)

    async def _on_transport_move(self, _to: Address, payload: bytes, _headers: Headers) -> None:
        self.sessions.on_transport_move(_move.decode(payload))


@asynccontextmanager
async def build(settings: GatewaySettings) -> AsyncIterator[Service]:
    """Runs a gateway with its sockets while the block runs."""
    metrics = Metrics("gateway")
    open_sockets = settings.sockets(raise_descriptor_limit())
    async with await Bus.connect(settings, "gateway", metrics) as bus:
        gateway = Gateway(settings, bus, metrics)
        await gateway.listen()
        await bus.serve("gateway", "1.0.0", {})
        sockets = WebSockets(
            gateway.make_dispatcher, settings.origins, settings.max_connections, gateway.connections, open_sockets
        )
        rooms, connections = lambda: len(gateway.feeds.all()), lambda: sockets.open
        status = ServerStatus(Discovery(bus).services, rooms, connections, time.time())
        pages = build_http(gateway.http_objects(status))
        certificate = (settings.tls_certificate, settings.tls_key or settings.tls_certificate)
        _measure_certificate(settings, metrics)
        application = HttpMetrics(HttpEdge(LimitBody(pages), bus.report_fault), metrics)
        server = serve_http(
            application, settings.host, settings.port, certificate, sockets.make_protocol, open_sockets,
            settings.answered_hosts(),
        )  # fmt: skip
        async with server as port, asyncio.TaskGroup() as group:
            log.info("listening", host=settings.host, port=port)
            loops = (gateway.heartbeats.run(), gateway.expiry.run(), sockets.run())
            running = [group.create_task(loop) for loop in loops]
            yield Service(metrics, {"bus": lambda: bus.connected})
            gateway.readers.close()
            gateway.followers.close()
            for task in running:
                task.cancel()
            await sockets.stop()


def _measure_certificate(settings: GatewaySettings, metrics: Metrics) -> None:
    if settings.tls_certificate:
        expiry = metrics.gauge(
            "certificate_expiry_timestamp_seconds", "Unix time until which the certificate in use is valid."
        )
        expiry.set(read_expiry(settings.tls_certificate))


def openapi_document() -> dict[str, Any]:
    """Returns the OpenAPI document of a gateway, which need not run for it: `python -m parlour.gateway.wiring` prints it."""
    no_bus: Any = None
    status = ServerStatus(no_bus, lambda: 0, lambda: 0, 0.0)
    gateway = Gateway(GatewaySettings(), no_bus, Metrics("gateway"))
    return document(build_http(gateway.http_objects(status)))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(openapi_document()), indent=2) + b"\n")
