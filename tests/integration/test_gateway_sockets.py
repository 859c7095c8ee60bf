"""A client's WebSocket over a real socket: what closes it, what it refuses, and that one who does not read costs no more than a window."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from parlour.contracts.client import SUBPROTOCOL
from parlour.contracts.ids import Position
from parlour.gateway.api import connection as module
from parlour.gateway.api.connection import STALLED_S, UNREAD_BYTES, WINDOW_BYTES, Connection
from parlour.gateway.api.server import serve_http
from parlour.gateway.api.websocket import WebSockets
from parlour.gateway.app.delivery.subscriptions import Subscriptions
from parlour.gateway.app.requests.dispatch import RequestDispatcher
from parlour.gateway.app.requests.frame_metrics import FrameMetrics
from parlour.gateway.app.sessions.session import Channel, SessionTable
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.gateway.domain.token_bucket import TokenBucket
from parlour.runtime.clock import SystemClock
from parlour.runtime.telemetry.metrics import Metrics
from parlour.testkit.waiting import eventually

faults: list[BaseException] = []

POSITION = Position("00000000-0000-0000-0000-000000000001", 1, "0" * 16)


class Door:
    """A gateway's sockets without services: pings and refusals are answered. `channels`: the server's ends, in order."""

    def __init__(self, port: int, sockets: WebSockets, channels: list[Connection]) -> None:
        self.port = port
        self.sockets = sockets
        self.channels = channels

    async def open(self, **options: Any) -> ClientConnection:
        return await connect(f"ws://127.0.0.1:{self.port}/any/path", subprotocols=[cast(Any, SUBPROTOCOL)], **options)

    async def deaf(self) -> tuple[socket.socket, Connection]:
        """A client that shook hands and reads nothing more."""
        loop = asyncio.get_running_loop()
        client = socket.socket()
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        await loop.sock_connect(client, ("127.0.0.1", self.port))
        await loop.sock_sendall(
            client,
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        assert (await loop.sock_recv(client, 4096)).startswith(b"HTTP/1.1 101")
        return client, self.channels[-1]


@asynccontextmanager
async def a_door(origins: tuple[str, ...] = (), limit: int = 100) -> AsyncGenerator[Door]:
    channels: list[Connection] = []

    def make_dispatcher(channel: Channel) -> RequestDispatcher:
        nothing: Any = None
        channels.append(cast(Connection, channel))
        following = Subscriptions(nothing, nothing, nothing, faults.append).for_connection(channel)
        return RequestDispatcher(
            channel,
            nothing,
            nothing,
            nothing,
            SessionTable(),
            following,
            TokenBucket(10.0, 10.0, 0.0),
            FrameMetrics(Metrics("test"), time.monotonic),
            faults.append,
            SystemClock(),
        )

    sockets = WebSockets(make_dispatcher, origins, limit, Metrics("test").gauge("connections", "x"))
    async with serve_http(no_pages, "127.0.0.1", 0, upgraded=sockets.make_protocol) as port:
        yield Door(port, sockets, channels)
        await sockets.stop()
    assert faults == []


async def no_pages(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def quietly(client: ClientConnection) -> AsyncGenerator[str]:
    """What it receives until it is closed, however that is."""
    with contextlib.suppress(ConnectionClosed):
        async for frame in client:
            yield str(frame)


def a_run(size: int = 8000) -> FrameBatch:
    return FrameBatch((json.dumps({"t": "ev", "text": "x" * size}).encode(),), POSITION)


async def test_pings_are_answered_and_the_subprotocol_is_agreed_on() -> None:
    async with a_door() as door:
        client = await door.open()
        assert client.subprotocol == SUBPROTOCOL
        question = str(uuid4())
        await client.send(json.dumps({"t": "ping", "id": question}))
        assert json.loads(await client.recv())["id"] == question
        await client.send(
            [json.dumps({"t": "ping", "id": question})[:10], json.dumps({"t": "ping", "id": question})[10:]]
        )
        assert json.loads(await client.recv())["id"] == question, "a message may come in pieces"
        await (await client.ping())
        await client.close()
        await eventually(lambda: door.sockets.open == 0)


async def test_who_does_not_log_in_is_closed_whether_or_not_it_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_FRAME_S", 0.05)
    async with a_door() as door:
        silent, pinging = await door.open(), await door.open()
        await pinging.send(json.dumps({"t": "ping", "id": str(uuid4())}))
        for client in (silent, pinging):
            await client.wait_closed()
            assert client.close_code == 4408


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b"x", 4400), (["x" * 40_000, "y" * 40_000], 1009), ("x" * 70_000, 1009), (["x"] * 2000, 1009)],
)
async def test_what_breaks_the_protocol_closes(sent: Any, code: int) -> None:
    async with a_door() as door:
        client = await door.open()
        await client.send(sent)
        await client.wait_closed()
        assert client.close_code == code


async def test_text_that_is_not_utf_8_closes() -> None:
    async with a_door() as door:
        client = await door.open()
        await client.send(b"\xff\xfe", text=True)
        await client.wait_closed()
        assert client.close_code == 1007


async def test_a_flood_is_refused_then_closed() -> None:
    async with a_door() as door:
        client = await door.open()
        ping = json.dumps({"t": "ping", "id": str(uuid4())})

        async def flood() -> None:
            with contextlib.suppress(ConnectionClosed):
                for _ in range(5000):
                    await client.send(ping)

        flooding = asyncio.create_task(flood())
        answers = [json.loads(frame) async for frame in quietly(client)]
        await flooding
        assert client.close_code == 4400
        assert {frame["error"]["code"] for frame in answers if not frame["ok"]} == {9000004}


@pytest.mark.parametrize("sent", [{}, {"code": 1000}, {"code": 3000}])
async def test_a_close_is_answered_with_a_code_that_may_be_sent(sent: dict[str, int]) -> None:
    async with a_door() as door:
        client, _ = await door.deaf()
        payload = sent["code"].to_bytes(2, "big") if sent else b""
        await asyncio.get_running_loop().sock_sendall(client, masked(8, payload))
        answer = await asyncio.get_running_loop().sock_recv(client, 100)
        assert answer == b"\x88\x02" + sent.get("code", 1000).to_bytes(2, "big")
        client.close()


@pytest.mark.parametrize("opcode", [9, 10])
async def test_a_flood_of_control_frames_is_closed_and_read_no_more(opcode: int) -> None:
    async with a_door() as door:
        client, channel = await door.deaf()
        await flood(client, masked(opcode, b""))
        assert channel._close_code == 4400  # pyright: ignore[reportPrivateUsage]
        await eventually(lambda: door.sockets.open == 0)
        client.close()


@pytest.mark.parametrize("text", [b"x", b"{" * 60_000])
async def test_a_flood_of_frames_that_cannot_be_read_is_closed(text: bytes) -> None:
    async with a_door() as door:
        client, channel = await door.deaf()
        await flood(client, masked(1, text))
        assert channel._close_code == 4400  # pyright: ignore[reportPrivateUsage]
        await eventually(lambda: door.sockets.open == 0)
        client.close()


async def test_what_comes_behind_a_close_is_read_no_further_than_the_pace() -> None:
    async with a_door() as door:
        client, channel = await door.deaf()
        await asyncio.get_running_loop().sock_sendall(client, masked(1, b"x", final=False))
        seen = await flood(client, masked(0, b"x" * 60, final=False))
        assert channel._close_code == 1009  # pyright: ignore[reportPrivateUsage]
        assert seen < 40_000_000, "most of it stays with who sent it"
        await eventually(lambda: door.sockets.open == 0)
        client.close()


def masked(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A client's frame under a mask of zeros."""
    size = len(payload)
    head = bytes([size | 0x80]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 * final | opcode]) + head + bytes(4) + payload


async def flood(client: socket.socket, frame: bytes) -> int:
    """Sends a frame until the server takes no more; the bytes that it took."""
    many, taken = frame * (1 + 100_000 // len(frame)), 0
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            while True:
                await asyncio.get_running_loop().sock_sendall(client, many)
                taken += len(many)
    return taken


async def test_the_window_of_a_client_that_does_not_read_is_bounded_and_opens_when_it_reads() -> None:
    async with a_door() as door:
        client, channel = await door.deaf()
        taken = 0
        while channel.deliver(a_run()):
            taken += 1
        assert not channel.deliver(a_run())
        unsent = channel._unsent()  # pyright: ignore[reportPrivateUsage] what this is about
        assert WINDOW_BYTES < unsent < WINDOW_BYTES + 10_000
        waiting = asyncio.create_task(channel.wait_writable())
        loop = asyncio.get_running_loop()
        received = 0
        async with asyncio.timeout(5):
            while received < taken * 8024:
                received += len(await loop.sock_recv(client, 1 << 20))
            assert await waiting
        assert channel.deliver(a_run())
        client.close()


async def test_a_client_that_reads_nothing_for_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert STALLED_S >= 10, "the test shortens it; nobody else should"
    monkeypatch.setattr(module, "STALLED_S", 0.05)
    monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.05)
    async with a_door() as door:
        client, channel = await door.deaf()
        while channel.deliver(a_run()):
            pass
        async with asyncio.timeout(5):
            assert not await channel.wait_writable()
        await eventually(lambda: door.sockets.open == 0)
        client.close()


async def test_answers_to_a_client_that_does_not_read_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.05)
    async with a_door() as door:
        client, channel = await door.deaf()
        answer = json.dumps({"t": "res", "text": "x" * 8000})
        for _ in range(4 * UNREAD_BYTES // 8000 + 1000):
            channel.put(answer)
        assert channel._unsent() < UNREAD_BYTES + 100_000  # pyright: ignore[reportPrivateUsage]
        await eventually(lambda: door.sockets.open == 0)
        client.close()


async def test_who_is_silent_to_pings_is_closed_and_who_answers_is_not() -> None:
    async with a_door() as door:
        client, quiet = await door.deaf()
        lively = await door.open()
        for _ in range(2):
            for channel in door.channels:
                channel.ping()
            await eventually(lambda: door.channels[1].heard)
        assert await asyncio.get_running_loop().sock_recv(client, 2) == b"\x89\x00"
        assert quiet._close_code == 4408  # pyright: ignore[reportPrivateUsage]
        await (await lively.ping())
        client.close()


async def test_a_gateway_that_stops_says_where_to_go() -> None:
    async with a_door() as door:
        client = await door.open()
        await door.sockets.stop()
        assert json.loads(await client.recv())["t"] == "bye"
        await client.wait_closed()
        assert client.close_code == 1012


async def test_more_clients_than_the_limit_and_foreign_pages_are_sent_away() -> None:
    async with a_door(("https://a.example",), limit=1) as door:
        with pytest.raises(InvalidStatus) as foreign:
            await door.open(origin="https://b.example")
        assert foreign.value.response.status_code == 403
        await door.open(origin="https://a.example")
        with pytest.raises(InvalidStatus) as full:
            await door.open()
        assert full.value.response.status_code == 503
