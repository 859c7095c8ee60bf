"""A client's WebSocket over a real socket: what closes it, what it refuses, and that one who does not read costs no more than a window."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from parlour.contracts.client import SUBPROTOCOL
from parlour.contracts.ids import Position
from parlour.gateway.api import connection as module
from parlour.gateway.api.connection import STALLED_S, UNREAD_BYTES, WINDOW_BYTES
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.testkit.harness.gateway_sockets import serve_sockets
from parlour.testkit.waiting import eventually

POSITION = Position("00000000-0000-0000-0000-000000000001", 1, "0" * 16)


async def received_frames(client: ClientConnection) -> AsyncGenerator[str]:
    """Yields what a client receives until it is closed, however that is."""
    with contextlib.suppress(ConnectionClosed):
        async for frame in client:
            yield str(frame)


def event_batch(size: int = 8000) -> FrameBatch:
    return FrameBatch((json.dumps({"t": "ev", "text": "x" * size}).encode(),), POSITION)


async def test_pings_are_answered_and_the_subprotocol_is_agreed_on() -> None:
    async with serve_sockets() as gateway:
        client = await gateway.connect()
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
        await eventually(lambda: gateway.sockets.open == 0)


async def test_who_does_not_log_in_is_closed_whether_or_not_it_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_FRAME_S", 0.05)
    async with serve_sockets() as gateway:
        silent, pinging = await gateway.connect(), await gateway.connect()
        await pinging.send(json.dumps({"t": "ping", "id": str(uuid4())}))
        for client in (silent, pinging):
            await client.wait_closed()
            assert client.close_code == 4408


@pytest.mark.parametrize(
    ("sent", "code"),
    [(b"x", 4400), (["x" * 40_000, "y" * 40_000], 1009), ("x" * 70_000, 1009), (["x"] * 2000, 1009)],
)
async def test_what_breaks_the_protocol_closes(sent: Any, code: int) -> None:
    async with serve_sockets() as gateway:
        client = await gateway.connect()
        await client.send(sent)
        await client.wait_closed()
        assert client.close_code == code


async def test_text_that_is_not_utf_8_closes() -> None:
    async with serve_sockets() as gateway:
        client = await gateway.connect()
        await client.send(b"\xff\xfe", text=True)
        await client.wait_closed()
        assert client.close_code == 1007


async def test_a_flood_is_refused_then_closed() -> None:
    async with serve_sockets() as gateway:
        client = await gateway.connect()
        ping = json.dumps({"t": "ping", "id": str(uuid4())})

        async def flood() -> None:
            with contextlib.suppress(ConnectionClosed):
                for _ in range(5000):
                    await client.send(ping)

        flooding = asyncio.create_task(flood())
        answers = [json.loads(frame) async for frame in received_frames(client)]
        await flooding
        assert client.close_code == 4400
        assert {frame["error"]["code"] for frame in answers if not frame["ok"]} == {9000004}


@pytest.mark.parametrize("sent", [{}, {"code": 1000}, {"code": 3000}])
async def test_a_close_is_answered_with_a_code_that_may_be_sent(sent: dict[str, int]) -> None:
    async with serve_sockets() as gateway:
        client, _ = await gateway.connect_unread()
        payload = sent["code"].to_bytes(2, "big") if sent else b""
        await asyncio.get_running_loop().sock_sendall(client, masked(8, payload))
        answer = await asyncio.get_running_loop().sock_recv(client, 100)
        assert answer == b"\x88\x02" + sent.get("code", 1000).to_bytes(2, "big")
        client.close()


@pytest.mark.parametrize("opcode", [9, 10])
async def test_a_flood_of_control_frames_is_closed_and_read_no_more(opcode: int) -> None:
    async with serve_sockets() as gateway:
        client, channel = await gateway.connect_unread()
        await flood(client, masked(opcode, b""))
        assert channel._close_code == 4400  # pyright: ignore[reportPrivateUsage]
        await eventually(lambda: gateway.sockets.open == 0)
        client.close()


@pytest.mark.parametrize("text", [b"x", b"{" * 60_000])
async def test_a_flood_of_frames_that_cannot_be_read_is_closed(text: bytes) -> None:
    async with serve_sockets() as gateway:
        client, channel = await gateway.connect_unread()
        await flood(client, masked(1, text))
        assert channel._close_code == 4400  # pyright: ignore[reportPrivateUsage]
        await eventually(lambda: gateway.sockets.open == 0)
        client.close()


async def test_what_comes_behind_a_close_is_read_no_further_than_the_pace() -> None:
    async with serve_sockets() as gateway:
        client, channel = await gateway.connect_unread()
        await asyncio.get_running_loop().sock_sendall(client, masked(1, b"x", final=False))
        seen = await flood(client, masked(0, b"x" * 60, final=False))
        assert channel._close_code == 1009  # pyright: ignore[reportPrivateUsage]
        assert seen < 40_000_000, "most of it stays with who sent it"
        await eventually(lambda: gateway.sockets.open == 0)
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
    async with serve_sockets() as gateway:
        client, channel = await gateway.connect_unread()
        taken = 0
        while channel.deliver(event_batch()):
            taken += 1
        assert not channel.deliver(event_batch())
        unsent = channel._unsent()  # pyright: ignore[reportPrivateUsage] what this is about
        assert WINDOW_BYTES < unsent < WINDOW_BYTES + 10_000
        waiting = asyncio.create_task(channel.wait_writable())
        loop = asyncio.get_running_loop()
        received = 0
        async with asyncio.timeout(5):
            while received < taken * 8024:
                received += len(await loop.sock_recv(client, 1 << 20))
            assert await waiting
        assert channel.deliver(event_batch())
        client.close()


async def test_a_client_that_reads_nothing_for_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert STALLED_S >= 10, "the test shortens it; nobody else should"
    monkeypatch.setattr(module, "STALLED_S", 0.05)
    monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.05)
    async with serve_sockets() as gateway:
        client, channel = await gateway.connect_unread()
        while channel.deliver(event_batch()):
            pass
        async with asyncio.timeout(5):
            assert not await channel.wait_writable()
        await eventually(lambda: gateway.sockets.open == 0)
        client.close()


async def test_answers_to_a_client_that_does_not_read_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.05)
    async with serve_sockets() as gateway:
        client, channel = await gateway.connect_unread()
        answer = json.dumps({"t": "res", "text": "x" * 8000})
        for _ in range(4 * UNREAD_BYTES // 8000 + 1000):
            channel.put(answer)
        assert channel._unsent() < UNREAD_BYTES + 100_000  # pyright: ignore[reportPrivateUsage]
        await eventually(lambda: gateway.sockets.open == 0)
        client.close()


async def test_who_is_silent_to_pings_is_closed_and_who_answers_is_not() -> None:
    async with serve_sockets() as gateway:
        client, quiet = await gateway.connect_unread()
        lively = await gateway.connect()
        for _ in range(2):
            for channel in gateway.channels:
                channel.ping()
            await eventually(lambda: gateway.channels[1].heard)
        assert await asyncio.get_running_loop().sock_recv(client, 2) == b"\x89\x00"
        assert quiet._close_code == 4408  # pyright: ignore[reportPrivateUsage]
        await (await lively.ping())
        client.close()


async def test_a_gateway_that_stops_says_where_to_go() -> None:
    async with serve_sockets() as gateway:
        client = await gateway.connect()
        await gateway.sockets.stop()
        assert json.loads(await client.recv())["t"] == "bye"
        await client.wait_closed()
        assert client.close_code == 1012


async def test_more_clients_than_the_limit_and_foreign_pages_are_sent_away() -> None:
    async with serve_sockets(("https://a.example",), limit=1) as gateway:
        with pytest.raises(InvalidStatus) as foreign:
            await gateway.connect(origin="https://b.example")
        assert foreign.value.response.status_code == 403
        await gateway.connect(origin="https://a.example")
        with pytest.raises(InvalidStatus) as full:
            await gateway.connect()
        assert full.value.response.status_code == 503
