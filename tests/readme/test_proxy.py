"""The nginx configuration of docs/how-to/tls-and-proxies.md before a real gateway: WebSockets, a stream, and the client's own address."""

import re
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import aiohttp
import pytest
from websockets.asyncio.client import connect

from parlour.cli.embedded.launch import free_port
from parlour.cli.supervise.checkout import ROOT
from parlour.cli.supervise.self_signed import ensure
from parlour.testkit.client import SUBPROTOCOL, RawClient, Refusal
from parlour.testkit.pages import blocks_of
from parlour.testkit.suite import Suite, running_suite
from parlour.testkit.waiting import wait_until

PAGE = ROOT / "docs" / "how-to" / "tls-and-proxies.md"
NAME, ROOM = "meet.example", "lobby"
WITHIN_S = 20.0
SETTINGS = {"PARLOUR_GATEWAY_TRUSTED_PROXIES": "127.0.0.1", "PARLOUR_GATEWAY_HOSTS": NAME}
BANNED = 9000017
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class Proxy(NamedTuple):
    """nginx before a suite's gateway, and what a client needs to trust it."""

    suite: Suite
    port: int
    trust: ssl.SSLContext

    async def open(self, address: str, headers: dict[str, str] | None = None) -> RawClient:
        """Connects as a browser would that has this address of its own."""
        socket = await connect(
            f"wss://{NAME}:{self.port}/ws", ssl=self.trust, host="127.0.0.1", port=self.port, local_addr=(address, 0),
            subprotocols=[cast("Any", SUBPROTOCOL)], additional_headers=headers, proxy=None,
        )  # fmt: skip
        return RawClient(socket)


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """The configuration as it stands on the page, but for ports and files."""
    (block,) = [block.text for block in blocks_of(PAGE) if block.language == "nginx"]
    with tempfile.TemporaryDirectory() as name, running_suite(SETTINGS) as suite:
        folder, port = Path(name), free_port()
        ensure(folder / "chain.pem", folder / "key.pem", (NAME,))
        for told, meant in {
            "127.0.0.1:8080": suite.url.removeprefix("http://"), "listen 8443": f"listen 127.0.0.1:{port}",
            "chain.pem": f"{folder}/chain.pem", "key.pem": f"{folder}/key.pem",
        }.items():  # fmt: skip
            assert told in block, f"the page has no {told}"
            block = block.replace(told, meant)
        own = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{own}{block}\n}}\n"
        )
        assert NGINX is not None
        process = subprocess.Popen(
            [NGINX, "-p", name, "-c", f"{name}/nginx.conf", "-g", "daemon off; master_process off;"]
        )
        try:
            wait_until(lambda: listens(port) or process.poll() is not None, "nginx listens", timeout_s=WITHIN_S)
            assert process.poll() is None, (folder / "error.log").read_text()
            yield Proxy(suite, port, ssl.create_default_context(cafile=str(folder / "chain.pem")))
        finally:
            process.terminate()
            process.wait()


def listens(port: int) -> bool:
    """Whether the kernel has a listening socket at this port of 127.0.0.1."""
    line = re.compile(rf"0100007F:{port:04X} 00000000:0000 0A")
    return line.search(Path("/proc/net/tcp").read_text()) is not None


async def test_a_client_logs_in_and_a_stream_is_not_held_back(proxy: Proxy) -> None:
    """The message arrives while the stream goes on: a proxy that buffers would keep it."""
    suite = proxy.suite
    login, reader = suite.token("ann"), suite.run("token", "--subscribe", "--room", ROOM, "--scope", "events").stdout
    ann = await proxy.open("127.0.0.7")
    await ann.login(suite.app_id, ROOM, "ann", login)
    headers = {"Host": NAME, "Authorization": f"Bearer {reader.strip()}", "Accept": "text/event-stream"}
    address = f"https://127.0.0.1:{proxy.port}/v1/rooms/{ROOM}/events"
    limit = aiohttp.ClientTimeout(total=WITHIN_S)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=proxy.trust), timeout=limit) as http,
        http.get(address, headers=headers, server_hostname=NAME) as stream,
    ):
        assert stream.status == 200
        await ann.ask("broadcast", roomID=ROOM, message="through the proxy")
        async for line in stream.content:
            if b"through the proxy" in line:
                break
        else:
            pytest.fail("the stream ended without the message")
    await ann.close()


async def test_the_gateway_knows_the_client_s_address(proxy: Proxy) -> None:
    """A ban of one client's address keeps out that client, whatever it writes into the header, and nobody else."""
    suite = proxy.suite
    suite.run("ban", "--address", "127.0.0.9")
    tokens = {user: suite.token(user) for user in ("bob", "carl")}
    for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}):
        bob = await proxy.open("127.0.0.9", headers)
        with pytest.raises(Refusal) as refused:
            await bob.login(suite.app_id, ROOM, "bob", tokens["bob"])
        assert refused.value.code == BANNED
        await bob.close()
    carl = await proxy.open("127.0.0.8")
    await carl.login(suite.app_id, ROOM, "carl", tokens["carl"])
    await carl.close()


def test_doctor_finds_the_public_name_answered(proxy: Proxy) -> None:
    assert "is not answered" not in proxy.suite.run("doctor", "--public", NAME, check=False).stdout
    assert "is not answered" in proxy.suite.run("doctor", "--public", "another.example", check=False).stdout
