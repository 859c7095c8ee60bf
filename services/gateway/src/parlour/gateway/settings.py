"""The gateway's settings, and the limits and lists that its parts get from them."""

import secrets
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from parlour.runtime.settings import BusSettings, Setting

from .domain.addresses import ANY, AllowedHosts, SocketLimiter, TrustedProxies, is_loopback

KEY_BYTES = 32
DESCRIPTORS_KEPT = 128
"""File descriptors that clients may not take: for the bus, files and the health server."""


class GatewaySettings(BusSettings, frozen=True, kw_only=True):
    """The variables `PARLOUR_GATEWAY_…` of the environment."""

    SERVICE: ClassVar[str] = "gateway"

    host: Annotated[str, Setting("Address that the gateway listens on.")] = "127.0.0.1"
    port: Annotated[int, Setting("Port that the gateway listens on; 0 takes a free one."), Meta(ge=0, le=65535)] = 8080
    tls_certificate: Annotated[str, Setting("PEM file with the certificate chain; empty: plain HTTP.")] = ""
    tls_key: Annotated[str, Setting("PEM file with the certificate's key; empty: the key is in the same file.")] = ""
    session_key: Annotated[
        bytes,
        Setting(
            "Key that signs session secrets, the same for all gateways; without it sessions end with the process.",
            secret=True,
            key_bytes=KEY_BYTES,
        ),
    ] = msgspec.field(default_factory=lambda: secrets.token_bytes(KEY_BYTES))
    turn_urls: Annotated[
        tuple[str, ...], Setting("TURN servers that clients get, as turn:HOST:PORT?transport=udp.")
    ] = ()
    turn_secret: Annotated[
        str, Setting("Secret shared with the TURN servers (coturn: static-auth-secret).", secret=True)
    ] = ""
    turn_lifetime_s: Annotated[
        int, Setting("How long a session's TURN credentials are valid.", unit="s"), Meta(ge=60)
    ] = 86_400
    web_root: Annotated[str, Setting("Folder with the browser SDK (dist) and the pages; empty: none are served.")] = ""
    docs_root: Annotated[str, Setting("Folder with the documentation site (`make site`); empty: none is served.")] = ""
    dev: Annotated[
        bool,
        Setting(
            "Issues tokens for the default app to pages of this machine, opened at localhost; for development only."
        ),
    ] = False
    public_entries: Annotated[
        bool,
        Setting("Publishes the entries of the record's transparency log too, which reveal the random ids of calls."),
    ] = False
    default_app: Annotated[
        int, Setting("App of requests that name none; 0: the only app of the installation."), Meta(ge=0)
    ] = 0
    origins: Annotated[tuple[str, ...], Setting("Origins from which browsers may open WebSockets; none: all.")] = ()
    hosts: Annotated[
        tuple[str, ...],
        Setting(
            "Names in Host headers that are answered beside addresses and private names; *.NAME for all names below it,"
            " * for every name. None: every name, or on loopback none."
        ),
    ] = ()
    max_connections: Annotated[
        int, Setting("Maximum of concurrent WebSocket clients; more are answered 503."), Meta(ge=1)
    ] = 20_000
    sockets_per_address: Annotated[
        int,
        Setting("Maximum of open sockets of one client address; this machine and trusted proxies have no such limit."),
        Meta(ge=4),
    ] = 1_000
    trusted_proxies: Annotated[
        tuple[str, ...],
        Setting("Addresses or networks of reverse proxies whose X-Forwarded-For is believed; none: no proxy is."),
    ] = ()
    refused_tokens_per_min: Annotated[
        float,
        Setting(
            "Refused tokens that one client address may send; beyond it the address is answered 429 and its tokens are"
            " not verified. As many about one user, from all addresses, delay addresses that are unknown to the app.",
            unit="1/min",
        ),
        Meta(ge=1, le=6_000),
    ] = 20.0
    refused_tokens_per_app: Annotated[
        float,
        Setting(
            "Refused tokens about one app, from all addresses, after which addresses unknown to the app are delayed.",
            unit="1/min",
        ),
        Meta(ge=1, le=60_000),
    ] = 600.0
    frames_per_s: Annotated[
        float, Setting("Frames that one connection may send on average.", unit="1/s"), Meta(ge=1)
    ] = 100.0
    frames_burst: Annotated[float, Setting("Frames that one connection may send at once."), Meta(ge=10)] = 400.0
    ping_interval_ms: Annotated[int, Setting("How often clients send a ping.", unit="ms"), Meta(ge=1000)] = 10_000
    reconnect_ms: Annotated[int, Setting("How long clients try to reconnect.", unit="ms"), Meta(ge=1000)] = 300_000
    readers: Annotated[
        int,
        Setting("Maximum of concurrent readers: requests that wait or stream, and subscriptions over WebSockets."),
        Meta(ge=1),
    ] = 5_000
    readers_per_token: Annotated[int, Setting("Maximum of concurrent readers with one token."), Meta(ge=1)] = 100
    readers_per_app: Annotated[
        int,
        Setting(
            "Maximum of concurrent readers of one app; with a single app, set it as high as PARLOUR_GATEWAY_READERS."
        ),
        Meta(ge=1),
    ] = 2_500
    reads_per_s: Annotated[float, Setting("Requests that one token may make on average.", unit="1/s"), Meta(ge=1)] = (
        50.0
    )
    reads_burst: Annotated[float, Setting("Requests that one token may make at once."), Meta(ge=1)] = 200.0
    reads_per_s_per_app: Annotated[
        float, Setting("Requests that one app's tokens may make on average.", unit="1/s"), Meta(ge=1)
    ] = 200.0
    reads_burst_per_app: Annotated[float, Setting("Requests that one app's tokens may make at once."), Meta(ge=1)] = (
        800.0
    )
    reads_at_once_per_app: Annotated[
        int, Setting("Maximum of one app's concurrent requests from this gateway to the record."), Meta(ge=1)
    ] = 32
    offers_per_s: Annotated[
        float, Setting("WHIP and WHEP offers that one user may make on average.", unit="1/s"), Meta(ge=0.1)
    ] = 5.0
    offers_burst: Annotated[float, Setting("WHIP and WHEP offers that one user may make at once."), Meta(ge=1)] = 100.0
    whip_resources: Annotated[int, Setting("Maximum of WHIP and WHEP resources of one gateway."), Meta(ge=1)] = 10_000

    def sockets(self, descriptors: int) -> SocketLimiter:
        """Returns the limits on sockets of a process with so many file descriptors. ValueError where a proxy is no address."""
        try:
            proxies = TrustedProxies(self.trusted_proxies)
        except ValueError as error:
            raise ValueError(f"PARLOUR_GATEWAY_TRUSTED_PROXIES: {error}") from None
        return SocketLimiter(self.sockets_per_address, max(descriptors - DESCRIPTORS_KEPT, 64), proxies)

    def answered_hosts(self) -> AllowedHosts:
        """Returns the names in `Host` headers that are answered. ValueError where one is not a name."""
        default = () if is_loopback(self.host) else (ANY,)
        try:
            return AllowedHosts(self.hosts or default)
        except ValueError as error:
            raise ValueError(f"PARLOUR_GATEWAY_HOSTS: {error}") from None
