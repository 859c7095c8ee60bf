"""The gateway's socket with a certificate: a client that trusts exactly this one gets in, by each name that it was made for."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvloop
from websockets.asyncio.client import connect

from parlour.cli.supervise.entrance import Entrance
from parlour.contracts.ids import Position
from parlour.gateway.api.server import serve_http
from parlour.gateway.domain.frame_batch import FrameBatch
from parlour.testkit.harness.gateway_sockets import serve_sockets

POSITION = Position("00000000-0000-0000-0000-000000000001", 1, "0" * 16)


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_given_certificate_is_served(tmp_path: Path, name: str) -> None:
    Entrance("localhost", "self").prepare(tmp_path)
    chain, key = Entrance(tls="self").certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(chain))
    async with serve_http(hello, "127.0.0.1", 0, (str(chain), str(key))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_certificate_is_for_its_own_names_only(tmp_path: Path) -> None:
    Entrance("localhost", "self").prepare(tmp_path)
    chain, key = Entrance(tls="self").certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(chain))
    async with serve_http(hello, "127.0.0.1", 0, (str(chain), str(key))) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="parlour.example")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_websocket_over_tls(tmp_path: Path, run: Any) -> None:
    """On the loop that tests use and on the one that services use: the socket changes hands in the middle of both."""
    Entrance("localhost", "self").prepare(tmp_path)
    chain, key = Entrance(tls="self").certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(chain))

    async def talk() -> None:
        async with (
            asyncio.timeout(20),
            serve_sockets(certificate=(str(chain), str(key))) as gateway,
            connect(f"wss://localhost:{gateway.port}/ws", ssl=trust) as client,
        ):
            question = str(uuid4())
            await client.send(json.dumps({"t": "ping", "id": question, "pad": "x" * 10_000}))
            assert json.loads(await client.recv())["id"] == question
            large = b"x" * 100_000
            assert gateway.channels[0].deliver(FrameBatch((b"one",), POSITION))
            assert gateway.channels[0].deliver(FrameBatch((b"two", large, b"four"), POSITION))
            assert [await client.recv(decode=False) for _ in range(4)] == [b"one", b"two", large, b"four"]

    run(talk())
