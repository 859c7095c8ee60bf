"""The relay as a process of its own on a real NATS server: commands, facts, report, and its end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from parlour.cli.embedded.nats import NatsServer
from parlour.contracts import relay, subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import MediaSections
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings

OFFER = (Path(__file__).parents[1] / "fixtures" / "sdp" / "chromium-publish.sdp").read_bytes().decode()
NODE = "relay.1"


class Facts:
    """What the node tells on the bus, in order."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()
        self._decode = msgspec.json.Decoder(relay.AnyRelayFact).decode

    async def take(self, _: Address, payload: bytes, __: Any) -> None:
        self._arrived.put_nowait(self._decode(payload))

    async def next(self, kind: type[Any]) -> Any:
        """The next fact of a kind."""
        async with asyncio.timeout(15):
            while True:
                fact = await self._arrived.get()
                if isinstance(fact, kind):
                    return fact


@asynccontextmanager
async def relay_process(nats_url: str, ready: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environ = {**os.environ, "PARLOUR_NATS_URL": nats_url, "PARLOUR_RELAY_NODE": NODE, "PARLOUR_READY_FILE": str(ready)}
    environ |= {f"PARLOUR_RELAY_{name.upper()}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "parlour.relay", env=environ)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncGenerator[Bus]:
    """A connection with the registry's rights."""
    async with await Bus.connect(BusSettings(nats_url=nats_server.address("registry")), "registry") as connected:
        yield connected


@pytest.fixture
async def facts(bus: Bus) -> Facts:
    """Facts of all relays."""
    facts = Facts()
    await bus.subscribe(subjects.RELAY_FACTS, facts.take)
    return facts


PUBLISH_S = relay.Negotiate(
    app=1, owner="session", sdp=OFFER, publish=(relay.PublishMedia("s", MediaSections("0", "1")),)
)


def negotiate(**fields: Any) -> relay.Negotiate:
    return msgspec.structs.replace(PUBLISH_S, **fields)


async def ask(bus: Bus, command: relay.RelayCommand, answer: type[Any]) -> Any:
    kind = str(type(command).__struct_config__.tag)
    return await bus.request(subjects.relay_command(NODE, kind), command, answer)


async def test_a_node_lives_on_the_bus(nats_server: NatsServer, bus: Bus, facts: Facts, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    async with relay_process(
        nats_server.address("relay"), ready, connect_timeout_s="1.5", heartbeat_s="0.2"
    ) as process:
        up = await facts.next(relay.NodeUp)
        assert up.node == NODE
        assert up.addresses
        assert up.load.transports == 0

        first = await ask(bus, negotiate(command_id="c1"), relay.Negotiated)
        again = await ask(bus, negotiate(command_id="c1"), relay.Negotiated)
        assert first == again
        assert "a=ice-lite" in first.sdp

        report = await ask(bus, relay.Report(), relay.NodeReport)
        (transport,) = report.transports
        assert (transport.transport_id, transport.owner, transport.state) == (first.transport_id, "session", "new")
        assert transport.publishes == (relay.BoundStream("s", MediaSections("0", "1"), "VP8"),)
        assert (report.boot_id, report.after) == (up.boot_id, "")

        gone = await facts.next(relay.TransportGone)
        assert (gone.transport_id, gone.reason, gone.streams) == (first.transport_id, "connect_timeout", ("s",))
        assert (await facts.next(relay.NodeUp)).number == gone.number

        closed = await ask(bus, relay.CloseTransport(first.transport_id), relay.Ack)
        assert not closed.changed
        health = msgspec.json.decode(ready.read_bytes())["health_port"]
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{health}/metrics") as page:
            text = await page.text()
        assert "parlour_relay_datagrams_total" in text
        assert "parlour_relay_transports 0.0" in text

        await ask(bus, negotiate(), relay.Negotiated)
        process.send_signal(signal.SIGTERM)
        assert (await facts.next(relay.TransportGone)).reason == "shutdown"
        async with asyncio.timeout(10):
            assert await process.wait() == 0


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"sdp": "hello"}, Code.PARAMETER, "sdp v"),
        ({"sdp": "v=0\r\n" + "x" * 70_000}, Code.PARAMETER, "sdp sdp"),
        ({"transport_id": "unknown"}, Code.NOT_FOUND, "transportID"),
        ({"publish": (relay.PublishMedia("s", MediaSections("8", "9")),)}, Code.PARAMETER, "sdp mid 8"),
        ({"publish": (), "play": (relay.PlayMedia("t", MediaSections("0", "1")),)}, Code.PLAY_NO_STREAM, "streamID"),
        ({"publish": (relay.PublishMedia("s", MediaSections("0", "1"), "AV1"),)}, Code.CODEC_UNSUPPORTED, "codec"),
    ],
)
async def test_refusals_have_codes_and_fields(
    nats_server: NatsServer, bus: Bus, facts: Facts, tmp_path: Path, fields: dict[str, Any], code: Code, field: str
) -> None:
    async with relay_process(nats_server.address("relay"), tmp_path / "ready"):
        await facts.next(relay.NodeUp)
        with pytest.raises(Rejection) as refused:
            await ask(bus, negotiate(**fields), relay.Negotiated)
        assert (refused.value.problem.code, refused.value.problem.field) == (code, field)
        report = await ask(bus, relay.Report(), relay.NodeReport)
        assert report.transports == ()


async def test_transports_of_a_session_are_limited(
    nats_server: NatsServer, bus: Bus, facts: Facts, tmp_path: Path
) -> None:
    async with relay_process(nats_server.address("relay"), tmp_path / "ready", max_transports_per_session="2"):
        await facts.next(relay.NodeUp)
        for _ in range(2):
            await ask(bus, negotiate(), relay.Negotiated)
        with pytest.raises(Rejection) as refused:
            await ask(bus, negotiate(), relay.Negotiated)
        assert refused.value.problem.limit == "2"
        await ask(bus, negotiate(owner="another"), relay.Negotiated)
