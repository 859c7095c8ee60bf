"""uvicorn's HTTP protocol with bounds: on a request's head, on the time that a peer takes, and on the sockets of one address.

uvicorn keeps a head of any size, for any time, so that one anonymous connection could fill the memory or stop the process. A request that
breaks a bound is answered, nothing more is read, and the socket is closed after `LINGER_S`.
"""

import asyncio
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from parlour.gateway.domain.addresses import AllowedHosts, SocketLimiter, is_host

HEAD_BYTES = 16 * 1024
"""Maximum of a request line with its headers: a token is up to 4 kB, browsers send less than 2 kB beside it."""
HEADERS_MOST = 100
FRAMING_BYTES = 8
"""Bytes of framing that a chunked body may have for each byte of content: chunks of one byte have five."""
PIPELINED = 16
"""Requests that may wait for the answer to the one before."""
HEAD_WITHIN_S = 10.0
"""Time from the connection, or from the first byte of a later request, to the end of the head; also of a TLS handshake."""
BODY_WITHIN_S = 30.0
KEEP_ALIVE_S = 10
"""An idle socket is kept open for so long after an answer."""
READ_BYTES = 4096
"""The parser is fed in pieces of this size, so that it never holds much more than a head may have."""
LINGER_S = 1.0
"""How long a refused peer has to read the answer before the socket is closed."""

_BAD, _TIMEOUT, _MISDIRECTED, _TOO_MANY, _HEAD_TOO_LARGE = 400, 408, 421, 429, 431
EVERY_HOST = AllowedHosts()


class BoundedHttp(HttpToolsProtocol):
    """One HTTP connection. `sockets` counts it while it is open; `answered` are the names that its `Host` headers may have."""

    def __init__(self, *args: Any, sockets: SocketLimiter, answered: AllowedHosts = EVERY_HOST, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answered = answered
        self._sockets = sockets
        self._counted = ""
        self._fed = 0
        self._body = 0
        self._complaint: tuple[int, str] | None = None
        self._refused = False
        self._in_body = False
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def peer(self) -> str:
        """The IP address at the other end of the socket."""
        return self.client[0] if self.client else ""

    # asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        """Counts a new socket, and refuses it where its address has too many."""
        super().connection_made(transport)
        if not self._sockets.take(self.peer):
            self._refuse(_TOO_MANY, "too many connections from this address")
            return
        self._counted = self.peer
        self._expect(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts the socket as closed."""
        self._expect(0)
        self._uncount()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser piece by piece, until a piece is refused."""
        self._unset_keepalive_if_required()
        if self._deadline is None:
            self._expect(HEAD_WITHIN_S)
        for start in range(0, len(data), READ_BYTES):
            if self._refused or self.transport.is_closing() or not self._feed(data[start : start + READ_BYTES]):
                return

    def _feed(self, piece: bytes) -> bool:
        """Feeds the parser one piece; returns whether more may be fed."""
        self._fed += len(piece)
        try:
            self._parser().feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._upgrade()
            return False
        except httptools.HttpParserError:
            self._refuse(*(self._complaint or (_BAD, "this is no HTTP request")))
            return False
        if self._fed - self._body > HEAD_BYTES + FRAMING_BYTES * self._body or len(self.headers or ()) > HEADERS_MOST:
            self._refuse(_HEAD_TOO_LARGE, _head_limit())
        return not self._refused

    # callbacks of the parser

    def on_message_begin(self) -> None:
        """Begins a request; refuses the connection where too many wait."""
        if len(self.pipeline) >= PIPELINED:
            self._complaint = _BAD, f"more than {PIPELINED} requests wait"
            raise ValueError(self._complaint[1])
        self._fed = self._body = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Checks a request's head, which is read now, and starts the request or refuses it."""
        self._complaint = self._wrong_head()
        if self._complaint:
            raise ValueError(self._complaint[1])
        self._in_body = True
        self._expect(BODY_WITHIN_S)
        self._believe_proxy()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Counts a piece of the body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends the time limit, since the request is read."""
        self._in_body = False
        self._expect(0)
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hands the socket over, with the one spelling of `Connection` that the WebSocket protocol takes (Firefox sends two tokens)."""
        headers = [(name, value) for name, value in self.headers if name != b"connection"]
        self.scope["headers"] = [*headers, (b"connection", b"Upgrade")]
        self._expect(0)
        self._uncount()  # the WebSocket is counted by its own address, which a proxy may tell
        super().handle_websocket_upgrade()

    # inner steps

    def _upgrade(self) -> None:
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        elif cycle := self._cycle():
            cycle.keep_alive = False  # what follows the answer is of a protocol that we do not speak

    def _believe_proxy(self) -> None:
        """Sets the client's address and scheme from the headers of a trusted proxy."""
        proxies, peer = self._sockets.proxies, self.peer
        port = self.client[1] if self.client else 0
        self.scope["client"] = proxies.client_of(peer, self._values(b"x-forwarded-for")), port
        if proxies.trusts(peer) and self._values(b"x-forwarded-proto")[-1:] == ["https"]:
            self.scope["scheme"] = "https"

    def _values(self, name: bytes) -> list[str]:
        return [value.decode("latin-1") for given, value in self.headers if given == name]

    def _wrong_head(self) -> tuple[int, str] | None:
        """Returns the status and the sentence that refuse a request's head; None for a valid one."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES or len(self.headers) > HEADERS_MOST:
            return _HEAD_TOO_LARGE, _head_limit()
        version = self._parser().get_http_version()
        if version not in ("1.0", "1.1"):
            return _BAD, "HTTP/1.1 or HTTP/1.0 only"
        hosts = self._values(b"host")
        if len(hosts) > 1 or (not hosts and version == "1.1") or (hosts and not is_host(hosts[0])):
            return _BAD, "a request has one Host header, which names a host"
        if hosts and not self._answered.answers(hosts[0]):
            return _MISDIRECTED, "this server is not asked by this name; PARLOUR_GATEWAY_HOSTS adds one"
        return None

    def _cycle(self) -> RequestResponseCycle | None:
        """Returns the request that is answered now, or was last; None before the first, which the base's types do not say."""
        return cast("RequestResponseCycle | None", self.cycle)

    def _parser(self) -> httptools.HttpRequestParser:
        return cast("httptools.HttpRequestParser", self.parser)

    def _expect(self, within_s: float) -> None:
        """Sets the time limit (seconds) of the next step; 0: none."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(within_s, self._late) if within_s else None

    def _late(self) -> None:
        self._deadline = None
        cycle = self._cycle()
        if cycle and not cycle.response_complete and not self._in_body:
            self._expect(HEAD_WITHIN_S)  # a stream, or a long poll that waits
        else:
            self._refuse(_TIMEOUT, "the request did not come in time")

    def _refuse(self, status: int, why: str) -> None:
        """Answers if no other answer has begun, stops reading, and closes the socket."""
        self._refused = True
        cycle, self._in_body = self._cycle(), False
        self._expect(0)
        if cycle and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if self.transport.is_closing():
            return
        if self.pipeline or (cycle and cycle.response_started and not cycle.response_complete):
            self.transport.abort()
            return
        self.transport.write(
            STATUS_LINE[status] + b"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%s\n" % (len(why) + 1, why.encode())
        )
        self.transport.pause_reading()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def _uncount(self) -> None:
        if self._counted:
            self._sockets.free(self._counted)
            self._counted = ""


def _head_limit() -> str:
    return f"a request's head has at most {HEAD_BYTES} bytes and {HEADERS_MOST} headers"
