"""Runs uvicorn inside a service: the runtime handles signals and the process, uvicorn the socket and the protocols."""

import asyncio
import contextlib
import functools
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, cast

import uvicorn

from parlour.gateway.domain.addresses import AllowedHosts, SocketLimiter

from .http_protocol import EVERY_HOST, HEAD_WITHIN_S, KEEP_ALIVE_S, BoundedHttp

BACKLOG = 2048
STOP_WITHIN_S = 3


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, with a limit on the time of a TLS handshake, for which uvicorn has no setting."""
        config, loop = self.config, asyncio.get_running_loop()
        limit: dict[str, Any] = {"ssl_handshake_timeout": HEAD_WITHIN_S} if config.ssl else {}
        make = functools.partial(
            cast("Any", config.http_protocol_class), config=config, server_state=self.server_state, app_state={}
        )
        self.servers = [
            await loop.create_server(make, sock=one, ssl=config.ssl, backlog=BACKLOG, **limit) for one in sockets or ()
        ]
        self.started = True


@contextlib.asynccontextmanager
async def serve_http(
    app: Any, host: str, port: int, certificate: tuple[str, str] = ("", ""),
    upgraded: Callable[..., Any] | None = None, sockets: SocketLimiter | None = None, answered: AllowedHosts = EVERY_HOST,
) -> AsyncGenerator[int]:  # fmt: skip
    """Serves while the block runs, over TLS with a `certificate` (files of chain and key); yields the port. OSError where it is taken.

    `upgraded` makes the protocol that takes over a socket whose request asks for a WebSocket; `sockets` limits open sockets; `answered`
    are the names in `Host` headers that are answered.
    """
    chain, key = certificate
    http: Any = functools.partial(BoundedHttp, sockets=sockets or SocketLimiter(), answered=answered)
    config = uvicorn.Config(
        app, loop="none", http=http, proxy_headers=False,
        ws=cast("Any", upgraded or "none"), lifespan="off", log_config=None,
        access_log=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=STOP_WITHIN_S, server_header=False,
        backlog=BACKLOG, ssl_certfile=chain or None, ssl_keyfile=key or None,
    )  # fmt: skip
    server = _Server(config)
    v6 = ":" in host
    family = socket.AF_INET6 if v6 else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=v6)
    listener.setblocking(False)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await task
