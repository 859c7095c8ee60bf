"""The gateway's settings."""

import secrets
from typing import Annotated, ClassVar

import msgspec

from parlour.runtime.settings import BusSettings, Setting

from .app.access.request_limits import RequestLimits
from .app.access.token_throttle import RefusalLimits
from .app.requests.login import Timing
from .domain.allowed_hosts import ANY, AllowedHosts, is_loopback
from .domain.client_addresses import SocketLimiter, TrustedProxies
from .domain.turn_credentials import TurnServers

KEY_BYTES = 32
DESCRIPTORS_KEPT = 128
"""For the bus, files and the health server: clients may not take the last ones."""


class GatewaySettings(BusSettings, frozen=True, kw_only=True):
    """Variables `PARLOUR_GATEWAY_…`."""

    SERVICE: ClassVar[str] = "gateway"

    host: Annotated[str, Setting("Address that clients connect to.")] = "127.0.0.1"
    port: Annotated[int, Setting("Port that clients connect to; 0 takes a free one.", least=0, most=65535)] = 8080
    tls_certificate: Annotated[str, Setting("PEM file with the certificate chain; empty: plain HTTP.")] = ""
    tls_key: Annotated[str, Setting("PEM file with its key; empty: in the same file.")] = ""
    session_key: Annotated[
        bytes,
        Setting(
            "Key of session secrets, the same for all gateways; without it sessions end with the process.",
            secret=True,
            key_bytes=KEY_BYTES,
        ),
    ] = msgspec.field(default_factory=lambda: secrets.token_bytes(KEY_BYTES))
    turn_urls: Annotated[
        tuple[str, ...], Setting("TURN servers that clients are told, as turn:HOST:PORT?transport=udp.")
    ] = ()
    turn_secret: Annotated[str, Setting("Secret shared with them (coturn: static-auth-secret).", secret=True)] = ""
    turn_lifetime_s: Annotated[int, Setting("How long a session's TURN credentials hold.", unit="s", least=60)] = 86_400
    web_root: Annotated[str, Setting("Folder with the browser SDK (dist) and the pages; empty: none are served.")] = ""
    dev: Annotated[
        bool,
        Setting(
            "Hands tokens for the default app to pages of this machine, opened at localhost; for development only."
        ),
    ] = False
    public_entries: Annotated[
        bool, Setting("Serves the leaves of the record's tree too, which name calls by their random ids.")
    ] = False
    default_app: Annotated[int, Setting("App of requests that name none; 0: the only one there is.", least=0)] = 0
    origins: Annotated[tuple[str, ...], Setting("Origins that browsers may connect from; none: all.")] = ()
    hosts: Annotated[
        tuple[str, ...],
        Setting(
            "Names in Host headers that are answered beside addresses and private names; *.NAME for those below, * for"
            " every name. None: every name, or on loopback none."
        ),
    ] = ()
    max_connections: Annotated[int, Setting("WebSocket clients at once; more are sent elsewhere.", least=1)] = 20_000
    sockets_per_address: Annotated[
        int,
        Setting(
            "Open sockets of one client address; those of this machine and of trusted proxies are not counted.", least=4
        ),
    ] = 1_000
    trusted_proxies: Annotated[
        tuple[str, ...],
        Setting("Addresses or networks of proxies in front, whose X-Forwarded-For is believed; none: no proxy is."),
    ] = ()
    refused_tokens_per_min: Annotated[
        float,
        Setting(
            "Refused tokens that one client address may send; then it is answered 429 and its tokens are not looked at."
            " As many about one user, from all addresses, delay addresses that are unknown to the app.",
            unit="1/min", least=1, most=6_000,
        ),
    ] = 20.0  # fmt: skip
    refused_tokens_per_app: Annotated[
        float,
        Setting(
            "Refused tokens about one app, from all addresses, that delay addresses which are unknown to it.",
            unit="1/min", least=1, most=60_000,
        ),
    ] = 600.0  # fmt: skip
    frames_per_s: Annotated[float, Setting("Frames that one connection may send on average.", unit="1/s", least=1)] = (
        100.0
    )
    frames_burst: Annotated[float, Setting("Frames that it may send at once.", least=10)] = 400.0
    ping_interval_ms: Annotated[int, Setting("How often clients ping.", unit="ms", least=1000)] = 10_000
    reconnect_ms: Annotated[int, Setting("How long clients try to come back.", unit="ms", least=1000)] = 300_000
    readers: Annotated[
        int, Setting("Readers that wait or stream over HTTP, and rooms followed over WebSockets, at once.", least=1)
    ] = 5_000
    readers_per_token: Annotated[int, Setting("Of them with one token.", least=1)] = 100
    readers_per_app: Annotated[
        int, Setting("Of them of one app; where there is one app, as many as all of them.", least=1)
    ] = 2_500
    reads_per_s: Annotated[float, Setting("Requests that one token may make on average.", unit="1/s", least=1)] = 50.0
    reads_burst: Annotated[float, Setting("Requests that it may make at once.", least=1)] = 200.0
    reads_per_s_per_app: Annotated[
        float, Setting("Requests that one app's tokens may make on average.", unit="1/s", least=1)
    ] = 200.0
    reads_burst_per_app: Annotated[float, Setting("Requests that they may make at once.", least=1)] = 800.0
    reads_at_once_per_app: Annotated[
        int, Setting("Requests of one app that the record works at for this gateway at once.", least=1)
    ] = 32
    offers_per_s: Annotated[
        float, Setting("WHIP and WHEP offers that one user may make on average.", unit="1/s", least=0.1)
    ] = 5.0
    offers_burst: Annotated[float, Setting("Offers that it may make at once.", least=1)] = 100.0
    whip_resources: Annotated[int, Setting("WHIP and WHEP resources of one gateway.", least=1)] = 10_000

    def turn(self) -> TurnServers:
        """What sessions are handed."""
        return TurnServers(self.turn_urls, self.turn_secret, self.turn_lifetime_s)

    def limits(self) -> RequestLimits:
        """What readers outside may take."""
        return RequestLimits(
            self.readers,
            self.readers_per_token,
            self.reads_per_s,
            self.reads_burst,
            self.offers_per_s,
            self.offers_burst,
            self.readers_per_app,
            self.reads_per_s_per_app,
            self.reads_burst_per_app,
            self.reads_at_once_per_app,
        )

    def refusals(self) -> RefusalLimits:
        """How many refused tokens are answered."""
        return RefusalLimits(self.refused_tokens_per_min, self.refused_tokens_per_app)

    def sockets(self, descriptors: int) -> SocketLimiter:
        """How many sockets there may be where the process may open so many descriptors. ValueError where a proxy is no address."""
        try:
            proxies = TrustedProxies(self.trusted_proxies)
        except ValueError as error:
            raise ValueError(f"PARLOUR_GATEWAY_TRUSTED_PROXIES: {error}") from None
        return SocketLimiter(self.sockets_per_address, max(descriptors - DESCRIPTORS_KEPT, 64), proxies)

    def answered_hosts(self) -> AllowedHosts:
        """The names that requests may be sent to. ValueError where one is no name."""
        default = () if is_loopback(self.host) else (ANY,)
        try:
            return AllowedHosts(self.hosts or default)
        except ValueError as error:
            raise ValueError(f"PARLOUR_GATEWAY_HOSTS: {error}") from None

    def timing(self) -> Timing:
        """What logins tell."""
        return Timing(self.ping_interval_ms, self.reconnect_ms)
