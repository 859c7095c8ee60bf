"""WebSockets beside the pages: uvicorn reads the request, and where it asks for an upgrade hands the socket to picows.

picows parses and masks in C and writes to the socket directly; what is agreed on here is who may connect at all, and that a client that
has gone silent is noticed.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows import picows as core

from parlour.contracts import client
from parlour.contracts.client import FRAME_BYTES
from parlour.gateway.app.dispatch import Dispatch
from parlour.gateway.app.seat import Channel
from parlour.runtime.telemetry.logging import logger

from .connection import RESTARTS, Connection

PING_S = 10.0
SLICES = 10
"""Clients are pinged in so many turns, so that thousands do not answer at once."""
HANDSHAKE_S = 5.0
STOP_WITHIN_S = 3.0
READ_BUFFER = 2048
"""It grows with a client's frames; most say little."""

log = logger(__name__)
_Protocol: Any = vars(core)["WSProtocol"]  # the stubs leave it out


class WebSockets:
    """Every WebSocket of this gateway, at any path.

    `limit`: how many there may be at once; `origins`: those of browser pages that may connect, none: all.
    """

    def __init__(
        self, dispatch_for: Callable[[Channel], Dispatch], origins: tuple[str, ...], limit: int, gauge: Any
    ) -> None:
        self._dispatch_for = dispatch_for
        self._origins = frozenset(origins)
        self._limit = limit
        self._gauge = gauge
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()

    @property
    def open(self) -> int:
        """How many there are."""
        return len(self._connections)

    def admits(self, origin: str) -> bool:
        """Whether a browser page of this origin may connect; programs send none."""
        return not origin or not self._origins or origin in self._origins

    def protocol(self, **_uvicorn: Any) -> "_Upgraded":
        """What uvicorn hands a socket to."""
        return _Upgraded(self._accept)

    async def run(self) -> None:
        """Pings for ever."""
        turn = 0
        while True:
            await asyncio.sleep(PING_S / SLICES)
            turn = (turn + 1) % SLICES
            for connection in [one for one in self._connections if (id(one) >> 8) % SLICES == turn]:
                connection.ping()

    async def stop(self) -> None:
        """Sends everybody elsewhere; returns when they have gone, or soon after."""
        for connection in tuple(self._connections):
            connection.close(RESTARTS, "the gateway restarts")
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            log.info("clients_left_behind", count=self.open)

    def _accept(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        if not self.admits(request.headers.get("origin", "")):
            return _refusal(403, b"not from this origin")
        if self.open >= self._limit:
            return _refusal(503, b"this gateway is full")
        offered = [
            name.strip() for value in request.headers.getall("sec-websocket-protocol", []) for name in value.split(",")
        ]
        chosen = {"Sec-WebSocket-Protocol": client.SUBPROTOCOL} if client.SUBPROTOCOL in offered else None
        connection = Connection(self._dispatch_for, self._noted)
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(chosen), connection)

    def _noted(self, connection: Connection, begins: bool) -> None:
        (self._connections.add if begins else self._connections.discard)(connection)
        self._gauge.set(self.open)
        if not self._connections:
            self._empty.set()


def _refusal(status: int, why: bytes) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, why), None)


class _Upgraded(_Protocol):
    """picows' protocol as uvicorn starts one: `connection_made`, then the request again as it came."""

    __slots__ = ()

    def __init__(self, accept: Callable[[WSUpgradeRequest], WSUpgradeResponseWithListener]) -> None:
        server, automatic_ping, automatic_pong = False, False, False
        super().__init__(  # pyright: ignore[reportUnknownMemberType] of an untyped base
            None, None, server, accept, _Quiet(), True, HANDSHAKE_S, automatic_ping, PING_S, PING_S,
            WSAutoPingStrategy.PING_WHEN_IDLE, automatic_pong, FRAME_BYTES, None, READ_BUFFER,
        )  # fmt: skip

    def data_received(self, data: bytes) -> None:
        """What was read before the socket was handed over."""
        while data:
            buffer = self.get_buffer(len(data))
            taken = min(len(buffer), len(data))
            buffer[:taken] = data[:taken]
            self.buffer_updated(taken)
            data = data[taken:]


class _Quiet:
    """picows' words on a peer's mistakes are nobody's business here; on our own they are."""

    def isEnabledFor(self, _level: int) -> bool:
        return False

    def log(self, *_words: Any) -> None:
        """Nothing."""

    debug = info = warning = error = log

    def exception(self, *_words: Any) -> None:
        """An error that is ours."""
        log.error("fault", where="websocket", exc_info=True)
