"""The HTTP server beside each service: /healthz (the event loop runs), /readyz (its dependencies are reachable), /metrics.

It answers from before the first connection until after the drain. While the service starts, `/readyz` names what is awaited, and there are
no metrics.

aiohttp's bare server, since nats-py has imported aiohttp already: 50 ms of start-up less than uvicorn.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from parlour.runtime.settings import BusSettings
from parlour.runtime.telemetry.metrics import Metrics

Checks = Mapping[str, Callable[[], bool]]


class Health(msgspec.Struct):
    """The state that the server reports. A service is starting until it has metrics; `draining` turns readiness off before it stops."""

    awaited: Collection[str]
    metrics: Metrics | None = None
    checks: Checks = {}
    draining: bool = False

    def failing_checks(self) -> list[str]:
        if self.metrics is None:
            return ["starting", *sorted(self.awaited)]
        down = [name for name, check in self.checks.items() if not check()]
        return ["draining", *down] if self.draining else down


@asynccontextmanager
async def serve(settings: BusSettings, health: Health) -> AsyncGenerator[int]:
    """Serves while the block runs, and yields the port."""
    from aiohttp import web

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/healthz":
            return web.Response(text="ok\n")
        if request.path == "/metrics":
            if health.metrics is None:
                return web.Response(status=503, text="starting\n")
            text, content_type = health.metrics.page_for(request.headers.get("Accept", ""))
            return web.Response(body=text, headers={"Content-Type": content_type})
        if request.path == "/readyz":
            failing = health.failing_checks()
            body = msgspec.json.encode({"ready": not failing, "failing": failing})
            return web.Response(body=body, status=503 if failing else 200, content_type="application/json")
        return web.Response(status=404, text="not found\n")

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.health_host, settings.health_port)
        await site.start()
        addresses: list[Any] = runner.addresses
        yield int(addresses[0][1])
    finally:
        await runner.cleanup()
