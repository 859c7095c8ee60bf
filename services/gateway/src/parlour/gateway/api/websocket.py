"""WebSockets beside the pages: uvicorn reads the request, and where it asks for an upgrade hands the socket to picows.

picows parses and masks in C and writes to the socket directly. This module decides who may connect, and pings clients so that a dead
connection is noticed.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows import picows as core

from parlour.contracts import client
from parlour.contracts.client import FRAME_BYTES
from parlour.gateway.app.requests.dispatch import RequestDispatcher
from parlour.gateway.app.sessions.session import Channel
from parlour.gateway.domain.addresses import SocketLimiter
from parlour.gateway.domain.websocket_protocol import RESTARTS
from parlour.runtime.telemetry.logging import logger

from .connection import Connection

PING_S = 10.0
PING_GROUPS = 10
"""Clients are pinged in so many groups, one after the other, so that thousands do not answer at once."""
HANDSHAKE_S = 5.0
STOP_WITHIN_S = 3.0
READ_BUFFER = 2048
"""Bytes of a connection's first read buffer; it grows with the client's frames, most of which are small."""

log = logger(__name__)
_Protocol: Any = vars(core)["WSProtocol"]  # the stubs leave it out


class WebSockets:
    """Accepts every WebSocket of this gateway, at any path.

    `limit`: how many may be open; `origins`: the origins of browser pages that may connect, none: all; `sockets` counts open sockets by
    address; `gauge` is set to how many WebSockets are open.
    """

    def __init__(
        self, make_dispatcher: Callable[[Channel], RequestDispatcher], origins: tuple[str, ...], limit: int, gauge: Any,
        sockets: SocketLimiter | None = None,
    ) -> None:  # fmt: skip
        self._sockets = sockets or SocketLimiter()
        self._make_dispatcher = make_dispatcher
        self._origins = frozenset(origins)
        self._limit = limit
        self._gauge = gauge
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()

    @property
    def open(self) -> int:
        """How many WebSockets are open."""
        return len(self._connections)

    def make_protocol(self, **_uvicorn: Any) -> "_Upgraded":
        """Makes the asyncio protocol that uvicorn hands an upgraded socket to."""
        return _Upgraded(self._accept, self._sockets.free)

    async def run(self) -> None:
        """Pings every client once in `PING_S`, until it is cancelled."""
        group = 0
        while True:
            await asyncio.sleep(PING_S / PING_GROUPS)
            group = (group + 1) % PING_GROUPS
            for connection in [one for one in self._connections if (id(one) >> 8) % PING_GROUPS == group]:
                connection.ping()

    async def stop(self) -> None:
        """Closes every connection; clients resume at another gateway. Returns when all have left, or after `STOP_WITHIN_S`."""
        for connection in tuple(self._connections):
            connection.close(RESTARTS, "the gateway restarts")
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            log.info("clients_left_behind", count=self.open)

    def _accept(self, request: WSUpgradeRequest, upgraded: "_Upgraded") -> WSUpgradeResponseWithListener:
        origin = request.headers.get("origin", "")  # only browsers send one
        if origin and self._origins and origin not in self._origins:
            return _refusal(403, b"not from this origin")
        if self.open >= self._limit:
            return _refusal(503, b"this gateway is full")
        address = self._sockets.proxies.client_of(upgraded.peer, request.headers.getall("x-forwarded-for", []))
        if not self._sockets.take(address):
            return _refusal(429, b"too many connections from this address")
        upgraded.counted = address
        offered = [
            name.strip() for value in request.headers.getall("sec-websocket-protocol", []) for name in value.split(",")
        ]
        chosen = {"Sec-WebSocket-Protocol": client.SUBPROTOCOL} if client.SUBPROTOCOL in offered else None
        connection = Connection(self._make_dispatcher, self._on_change, address)
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(chosen), connection)

    def _on_change(self, connection: Connection, opened: bool) -> None:
        (self._connections.add if opened else self._connections.discard)(connection)
        self._gauge.set(self.open)
        if not self._connections:
            self._empty.set()


def _refusal(status: int, why: bytes) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, why), None)


class _Upgraded(_Protocol):
    """picows' protocol, which uvicorn starts by `connection_made` and the bytes of the request."""

    __slots__ = ("_accept", "_free", "counted", "peer")

    def __init__(
        self,
        accept: Callable[[WSUpgradeRequest, "_Upgraded"], WSUpgradeResponseWithListener],
        free: Callable[[str], None],
    ) -> None:
        self._accept = accept
        self._free = free
        self.counted = ""
        self.peer = ""
        server, automatic_ping, automatic_pong = False, False, False
        super().__init__(  # pyright: ignore[reportUnknownMemberType] of an untyped base
            None, None, server, self._accepted, _Quiet(), True, HANDSHAKE_S, automatic_ping, PING_S, PING_S,
            WSAutoPingStrategy.PING_WHEN_IDLE, automatic_pong, FRAME_BYTES, None, READ_BUFFER,
        )  # fmt: skip

    def connection_made(self, transport: Any) -> None:
        """Takes over the socket."""
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        super().connection_made(transport)  # pyright: ignore[reportUnknownMemberType] of an untyped base

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts the socket as closed."""
        if self.counted:
            self._free(self.counted)
            self.counted = ""
        super().connection_lost(exc)  # pyright: ignore[reportUnknownMemberType] of an untyped base

    def _accepted(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return self._accept(request, self)

    def data_received(self, data: bytes) -> None:
        """Takes the bytes that uvicorn read before it handed over the socket."""
        while data:
            buffer = self.get_buffer(len(data))
            taken = min(len(buffer), len(data))
            buffer[:taken] = data[:taken]
            self.buffer_updated(taken)
            data = data[taken:]


class _Quiet:
    """picows' logger: it drops what is said of a peer's mistakes, and logs errors of ours."""

    def isEnabledFor(self, _level: int) -> bool:
        return False

    def log(self, *_words: Any) -> None:
        """Drops a message about a mistake of the peer."""

    debug = info = warning = error = log

    def exception(self, *_words: Any) -> None:
        """Logs an error of ours."""
        log.error("fault", where="websocket", exc_info=True)
