"""A path that loses datagrams: a UDP proxy between a browser and the relay, seeded, so that a run can be told again."""

import asyncio
import random
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

Address = tuple[str, int]
_CANDIDATE = re.compile(r"(?m)^a=candidate:.* udp \d+ (\S+) (\d+) typ host\r?\n")


class LossyPath(asyncio.DatagramProtocol):
    """Forwards from each client by a socket of its own, so that the relay sees one 5-tuple for each."""

    def __init__(self, relay: Address, to_relay: float, to_client: float) -> None:
        self._relay = relay
        self._loss = {"to_relay": to_relay, "to_client": to_client}
        self._random = random.Random(20261121)
        self._upstreams: dict[Address, asyncio.DatagramTransport] = {}
        self._opening: dict[Address, list[bytes]] = {}
        self.dropped = {"to_relay": 0, "to_client": 0}
        self.losing = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def loses(self, way: str) -> bool:
        """Whether the next datagram that way is lost."""
        lost = self.losing and self._random.random() < self._loss[way]
        self.dropped[way] += lost
        return lost

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.loses("to_relay"):
            return
        if addr in self._upstreams:
            self._upstreams[addr].sendto(data)
        elif addr in self._opening:
            self._opening[addr].append(data)
        else:
            self._opening[addr] = [data]
            self._task = asyncio.create_task(self._open(addr))

    async def _open(self, client: Address) -> None:
        loop = asyncio.get_running_loop()
        upstream, _ = await loop.create_datagram_endpoint(lambda: _Back(self, client), remote_addr=self._relay)
        self._upstreams[client] = upstream
        for datagram in self._opening.pop(client):
            upstream.sendto(datagram)

    def move(self) -> None:
        """Gives each client another address towards the relay, as a NAT does that forgot it; nothing reaches the old one."""
        for transport in self._upstreams.values():
            transport.close()
        self._upstreams.clear()

    def close(self) -> None:
        """Closes every socket."""
        for transport in (self.transport, *self._upstreams.values()):
            transport.close()

    def reroute(self, answer: str) -> str:
        """The answer with this path as the relay's only candidate on each m-line."""
        ip, port = self.transport.get_extra_info("sockname")[:2]
        ours = f"a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n"
        lines = _CANDIDATE.sub("", answer)
        return re.sub(r"(?m)^(a=ice-pwd:[^\r\n]*\r\n)", lambda found: found[1] + ours, lines)


class _Back(asyncio.DatagramProtocol):
    """What the relay sends to one client."""

    def __init__(self, path: LossyPath, client: Address) -> None:
        self._path = path
        self._client = client

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._path.loses("to_client"):
            self._path.transport.sendto(data, self._client)


@asynccontextmanager
async def lossy_path(relay: Address, *, to_relay: float = 0.0, to_client: float = 0.0) -> AsyncGenerator[LossyPath]:
    """A path to the relay that loses these shares once `losing` is set."""
    loop = asyncio.get_running_loop()
    _, path = await loop.create_datagram_endpoint(
        lambda: LossyPath(relay, to_relay, to_client), local_addr=("127.0.0.1", 0)
    )
    try:
        yield path
    finally:
        path.close()
