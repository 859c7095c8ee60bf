"""The gateway's socket with a certificate: a client that trusts exactly this one gets in, by each name that it was made for."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from parlour.cli.supervise.entrance import Entrance
from parlour.gateway.api.server import serving


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "parlour.example"])
async def test_a_given_certificate_is_served(tmp_path: Path, name: str) -> None:
    Entrance("localhost", "self").prepare(tmp_path)
    chain, key = Entrance(tls="self").certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(chain))
    async with serving(hello, "127.0.0.1", 0, (str(chain), str(key))) as port:
        connecting = asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
        if name == "parlour.example":
            with pytest.raises(ssl.SSLCertVerificationError):
                await connecting
            return
        reader, writer = await connecting
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
