"""ASGI middleware for every HTTP request and answer, whichever route takes it.

An error of ours is counted, logged and answered as a problem. `HEAD` is answered as `GET` without its body. A NUL character in an
address is refused, since no id or time has one and Postgres stores none. Each answer gets the security headers of its kind.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from parlour.contracts.codes import Code, Problem
from parlour.runtime.http import AsgiApp, Message, Receive, Scope, Send, answer_problem

QUERY_FIELDS_MOST = 64
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src {connect}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Our pages have no inline script or style, and connect to no other server than the one that they came from."""
DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"
DEVICES = (
    b"camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), "
    b"geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=()"
)
YEAR_S = 31_536_000
_LOOPBACK = ("localhost", "127.", "[::1]")
"""Names without HSTS: a browser would demand TLS of every other program that listens there."""


class HttpEdge:
    """Wraps the application; `fault` is called with each error of ours."""

    def __init__(self, app: AsgiApp, fault: Callable[[str, BaseException], None]) -> None:
        self._app = app
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, receive, send)
        wrong = _wrong_address(scope)
        if wrong:
            await answer_problem(wrong, answer.send)
            return
        try:
            as_get = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
            await self._app(as_get, answer.receive, answer.send)
        except Exception as error:
            self._fault("http", error)
            if not answer.started:
                await answer_problem(
                    Problem(int(Code.SERVER_ERROR), "the gateway failed", hint="try again"), answer.send
                )


class _Answer:
    """One answer: security headers are added to it, and an answer to `HEAD` ends with its headers."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.started = False

    async def receive(self) -> Message:
        """Receives from the client; a stream that answers `HEAD` gets a disconnect after its headers, so that it ends."""
        if self.started and self._scope["method"] == "HEAD":
            return {"type": "http.disconnect"}
        return await self._receive()

    async def send(self, message: Message) -> None:
        """Sends a part of the answer."""
        if message["type"] == "http.response.start":
            self.started = True
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _value in given}
            more = [(name, value) for name, value in security_headers(self._scope, given) if name not in names]
            message = {**message, "headers": [*given, *more]}
        await self._send(message)


def _wrong_address(scope: Scope) -> Problem | None:
    """Returns the problem with a path or a query; None for a valid one."""
    if "\0" in scope["path"]:
        return Problem(int(Code.PARAMETER), "the path holds a NUL character", "path")
    query: bytes = scope.get("query_string", b"")
    if b"%00" not in query and b"\0" not in query:
        return None
    try:
        fields: list[tuple[str, Any]] = parse_qsl(query.decode("latin-1"), True, max_num_fields=QUERY_FIELDS_MOST)
    except ValueError:
        fields = []
    field = next((name for name, value in fields if "\0" in value), "query")
    return Problem(int(Code.PARAMETER), "the query holds a NUL character", field)


def security_headers(scope: Scope, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Returns the security headers of an answer that has the headers `given`."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    kind = next((value for name, value in given if name.lower() == b"content-type"), b"")
    found = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
    if kind.startswith(b"text/html"):
        named = host and not host.startswith("[")  # a source can't be an IPv6 address (CSP 3, section 2.3.1)
        sources = f"'self' ws://{host} wss://{host}" if named else "'self'"
        found += [
            (b"content-security-policy", PAGE_POLICY.format(connect=sources).encode()),
            (b"permissions-policy", DEVICES),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]
    else:
        found.append((b"content-security-policy", DATA_POLICY))
    if scope.get("scheme") == "https" and not host.lower().startswith(_LOOPBACK):
        found.append((b"strict-transport-security", b"max-age=%d" % YEAR_S))
    return found
