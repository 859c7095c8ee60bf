"""The HTTP protocol over real sockets: heads, times and sockets are bounded, and who is refused is told why."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from parlour.gateway.api import http_protocol, server
from parlour.gateway.api.connection import Connection
from parlour.gateway.api.server import serve_http
from parlour.gateway.api.websocket import WebSockets
from parlour.gateway.app.sessions.session import Channel
from parlour.gateway.domain.addresses import SocketLimiter, TrustedProxies
from parlour.runtime.telemetry.metrics import Metrics

HELLO = b"GET / HTTP/1.1\r\nHost: x\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, then says who asked."""
    while (await receive()).get("more_body"):
        pass
    body = scope["client"][0].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def slow(_scope: Any, _receive: Any, send: Any) -> None:
    """Answers long behind the time that a head may take."""
    await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def answer_to(port: int, *pieces: bytes) -> bytes:
    """All that comes back until the socket is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    try:
        return await _all_of(reader)
    finally:
        writer.close()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    got = b""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                got += piece
    return got


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    async with serve_http(app, "127.0.0.1", 0) as port:
        yield port


CLOSING = b"Connection: close\r\n\r\n"


async def test_a_usual_head_is_taken(port: int) -> None:
    token = b"Authorization: Bearer " + b"x" * 6000 + b"\r\n"
    assert (await answer_to(port, HELLO + token + CLOSING)).startswith(b"HTTP/1.1 200")
    assert (await answer_to(port, HELLO, token, CLOSING)).startswith(b"HTTP/1.1 200"), "in pieces"


@pytest.mark.parametrize(
    "head",
    [
        HELLO + b"a: b\r\n" * 101,
        HELLO + b"a: " + b"b" * 17_000 + b"\r\n",
        HELLO + b"a" * 17_000 + b": b\r\n",
        b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: x\r\n",
        HELLO + b"".join(b"%0200d: x\r\n" % n for n in range(90)),
    ],
    ids=["headers", "value", "name", "path", "sum"],
)
async def test_a_head_has_a_size(port: int, head: bytes) -> None:
    assert (await answer_to(port, head + CLOSING)).startswith(b"HTTP/1.1 431")
    head += CLOSING
    assert (await answer_to(port, *(head[at : at + 500] for at in range(0, len(head), 500)))).startswith(
        b"HTTP/1.1 431"
    )


async def test_a_giant_head_is_read_no_further(port: int) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.transport.set_write_buffer_limits(65536)
    writer.write(HELLO)
    sent = 0
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            while sent < 200_000_000:
                writer.write(b"a: bbbbbbbb\r\n" * 5000)
                sent += 65000
                await writer.drain()
    assert sent < 100_000_000
    writer.close()


async def test_trailers_count_as_head(port: int) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(chunked + b"a: " + b"b" * 60_000)
    assert b"200 OK" not in await _all_of(reader)
    writer.close()


async def test_a_body_in_pieces_is_no_head(port: int) -> None:
    chunks = b"".join(b"1\r\nx\r\n" for _ in range(30_000))
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await answer_to(port, head + chunks + b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_400(port: int, head: bytes) -> None:
    assert (await answer_to(port, head)).startswith(b"HTTP/1.1 400")


async def test_requests_ahead_of_their_answers_are_few() -> None:
    async with serve_http(slow, "127.0.0.1", 0) as port:
        assert await answer_to(port, (HELLO + b"\r\n") * 100) == b""


@pytest.mark.parametrize(
    "pieces", [(), (b"GET / HT",), (HELLO,), (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nx",)]
)
async def test_who_does_not_finish_a_request_is_closed(
    pieces: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_S", 0.2)
    monkeypatch.setattr(http_protocol, "BODY_WITHIN_S", 0.2)
    async with serve_http(app, "127.0.0.1", 0) as port:
        assert (await answer_to(port, *pieces)).startswith(b"HTTP/1.1 408")


async def test_a_byte_now_and_then_does_not_buy_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_S", 0.3)
    async with serve_http(app, "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answered = asyncio.ensure_future(_all_of(reader))
        while not answered.done():
            writer.write(b"\r\n")
            await asyncio.wait([answered], timeout=0.05)
        assert answered.result().startswith(b"HTTP/1.1 408")


async def test_an_answer_under_way_is_not_cut_by_the_time_of_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_S", 0.1)
    async with serve_http(slow, "127.0.0.1", 0) as port:
        assert (await answer_to(port, HELLO + CLOSING + b"\r\n")).startswith(b"HTTP/1.1 204")


async def test_a_socket_without_a_next_request_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 0.1)
    async with serve_http(app, "127.0.0.1", 0) as other:
        assert (await answer_to(other, HELLO + b"\r\n")).startswith(b"HTTP/1.1 200")


@asynccontextmanager
async def with_sockets(sockets: SocketLimiter) -> AsyncGenerator[tuple[int, list[Connection]]]:
    made: list[Connection] = []

    def make_dispatcher(channel: Channel) -> Any:
        made.append(cast(Connection, channel))
        return _Nothing()

    websockets = WebSockets(make_dispatcher, (), 100, Metrics("test").gauge("connections", "x"), sockets)
    async with serve_http(app, "127.0.0.1", 0, upgraded=websockets.make_protocol, sockets=sockets) as port:
        yield port, made
        await websockets.stop()


class _Nothing:
    idle = False

    def closed(self) -> None:
        """The connection ended; a session that asked for nothing has nothing to let go."""


async def test_the_address_that_a_trusted_proxy_tells_is_the_clients() -> None:
    async with with_sockets(SocketLimiter(proxies=TrustedProxies(["127.0.0.1"]))) as (port, made):
        told = b"X-Forwarded-For: 1.2.3.4, 203.0.113.9\r\n"
        assert (await answer_to(port, HELLO + told + CLOSING)).endswith(b"203.0.113.9")
        async with connect(f"ws://127.0.0.1:{port}/ws", additional_headers={"X-Forwarded-For": "203.0.113.9"}):
            assert made[-1].address == "203.0.113.9"
    async with with_sockets(SocketLimiter()) as (port, made):
        assert (await answer_to(port, HELLO + told + CLOSING)).endswith(b"127.0.0.1"), "nobody else is believed"
        async with connect(f"ws://127.0.0.1:{port}/ws", additional_headers={"X-Forwarded-For": "203.0.113.9"}):
            assert made[-1].address == "127.0.0.1"


async def test_websockets_of_one_address_are_bounded_and_make_room_when_they_close() -> None:
    async with with_sockets(SocketLimiter(2, proxies=TrustedProxies(["127.0.0.1"]))) as (port, _made):
        url, theirs = f"ws://127.0.0.1:{port}/ws", {"X-Forwarded-For": "203.0.113.9"}
        first, second = [await connect(url, additional_headers=theirs) for _ in range(2)]
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=theirs)
        assert refused.value.response.status_code == 429
        async with connect(url, additional_headers={"X-Forwarded-For": "203.0.113.10"}):
            pass
        await first.close()
        deadline = time.monotonic() + 5
        while True:
            try:
                third = await connect(url, additional_headers=theirs)
                break
            except InvalidStatus:
                assert time.monotonic() < deadline, "a closed socket makes room"
                await asyncio.sleep(0.01)
        await second.close()
        await third.close()


async def test_beyond_the_total_a_socket_is_told_and_closed() -> None:
    async with with_sockets(SocketLimiter(most=1)) as (port, _made), connect(f"ws://127.0.0.1:{port}/ws"):
        assert (await answer_to(port)).startswith(b"HTTP/1.1 429")


async def test_a_connection_header_with_more_than_the_upgrade_is_taken(port: int) -> None:
    async with with_sockets(SocketLimiter()) as (port, _made):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            HELLO + b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 101")
        writer.close()


async def test_requests_that_wait_are_bounded_before_they_are_read(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    original = http_protocol.BoundedHttp.on_headers_complete

    def on_headers_complete(protocol: http_protocol.BoundedHttp) -> None:
        read.append(protocol.url)
        original(protocol)

    monkeypatch.setattr(http_protocol.BoundedHttp, "on_headers_complete", on_headers_complete)
    await answer_to(port, (HELLO + b"\r\n") * 5000)
    assert len(read) == http_protocol.PIPELINED + 1, "one is answered, the others wait"


async def test_another_protocol_is_not_switched_to_and_the_request_is_answered(port: int) -> None:
    assert (await answer_to(port, HELLO + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")).startswith(b"HTTP/1.1 200")
