"""A gateway's WebSockets without services behind them: its dispatchers answer pings, and refuse all that a service would decide."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect

from parlour.contracts.client import SUBPROTOCOL
from parlour.gateway.api.connection import Connection
from parlour.gateway.api.server import serve_http
from parlour.gateway.api.websocket import WebSockets
from parlour.gateway.app.delivery.subscriptions import ConnectionSubscriptions, Subscriptions
from parlour.gateway.app.requests.dispatch import RequestDispatcher
from parlour.gateway.app.requests.frame_metrics import FrameMetrics
from parlour.gateway.app.sessions.session import Channel, SessionTable
from parlour.gateway.domain.token_bucket import TokenBucket
from parlour.runtime.clock import SystemClock
from parlour.runtime.telemetry.metrics import Metrics

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class GatewaySockets:
    """Sockets that `serve_sockets` serves at `port`. `channels` are the server's ends of connections, in order; `errors` are the gateway's
    own faults.
    """

    def __init__(self, origins: tuple[str, ...], limit: int) -> None:
        self.port = 0
        self.channels: list[Connection] = []
        self.errors: list[BaseException] = []
        self.sockets = WebSockets(self._make_dispatcher, origins, limit, Metrics("test").gauge("connections", "x"))

    async def connect(self, **options: Any) -> ClientConnection:
        """Connects a client; `options` as of `websockets.connect`."""
        return await connect(f"ws://127.0.0.1:{self.port}/any/path", subprotocols=[cast(Any, SUBPROTOCOL)], **options)

    async def connect_unread(self) -> tuple[socket.socket, Connection]:
        """Connects a client that reads nothing after the handshake; returns its socket and the server's end."""
        loop = asyncio.get_running_loop()
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        await loop.sock_connect(client, ("127.0.0.1", self.port))
        await loop.sock_sendall(client, HANDSHAKE)
        assert (await loop.sock_recv(client, 4096)).startswith(b"HTTP/1.1 101")
        return client, self.channels[-1]

    def _make_dispatcher(self, channel: Channel) -> RequestDispatcher:
        nothing: Any = None
        self.channels.append(cast(Connection, channel))
        subscriptions = ConnectionSubscriptions(Subscriptions(nothing, nothing, nothing, self.errors.append), channel)
        return RequestDispatcher(
            channel, nothing, nothing, nothing, SessionTable(), subscriptions, TokenBucket(10.0, 10.0, 0.0),
            FrameMetrics(Metrics("test"), time.monotonic), self.errors.append, SystemClock(),
        )  # fmt: skip


@asynccontextmanager
async def serve_sockets(
    origins: tuple[str, ...] = (), limit: int = 100, certificate: tuple[str, str] = ("", "")
) -> AsyncGenerator[GatewaySockets]:
    """Serves WebSockets at a free port while the block runs; AssertionError at its end where the gateway had faults of its own."""
    gateway = GatewaySockets(origins, limit)
    async with serve_http(_no_content, "127.0.0.1", 0, certificate, gateway.sockets.make_protocol) as port:
        gateway.port = port
        yield gateway
        await gateway.sockets.stop()
    assert gateway.errors == []


async def _no_content(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
