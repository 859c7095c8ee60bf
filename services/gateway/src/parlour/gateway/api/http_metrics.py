"""ASGI middleware that counts HTTP requests by route and status, and times them until their answer begins."""

import time

from parlour.runtime.http import AsgiApp, Message, Receive, Scope, Send
from parlour.runtime.telemetry.metrics import Metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Label of methods and paths that no route has: a client could invent any number of them."""


class HttpMetrics:
    """Wraps the whole application. A route is named as it is declared, such as `/v1/rooms/{room}/events`."""

    def __init__(self, app: AsgiApp, metrics: Metrics) -> None:
        self._app = app
        self._requests = metrics.counter(
            "http_requests", "HTTP requests that were answered.", ("route", "method", "status")
        )
        self._seconds = metrics.histogram(
            "http_request_seconds", "From an HTTP request to the beginning of its answer.", ("route",)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = route_of(scope)
                method = scope["method"] if scope["method"] in METHODS else OTHER
                self._requests.labels(route, method, message["status"]).inc()
                self._seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_counted)


def route_of(scope: Scope) -> str:
    """Returns the path of the route that took the request, with its parameters' names; the framework notes it in the scope."""
    path = getattr(scope.get("route"), "path", "")
    return path or OTHER
