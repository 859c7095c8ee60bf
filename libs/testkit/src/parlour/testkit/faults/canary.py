"""What somebody else sees while a server is attacked: logins once a second, pings over HTTP, and the memory of the attacked process."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from parlour.testkit.client import raw_client

LOGIN_EVERY_S = 1.0
PING_EVERY_S = 0.25
GIVEN_UP_S = 10.0


@dataclass
class Canary:
    """A member of good will at the gateway `url`, and the process `pid` that serves it. `logins` and `pings` are in seconds."""

    url: str
    app: int
    user: str
    token: str
    pid: int
    logins: list[float] = field(default_factory=list[float])
    pings: list[float] = field(default_factory=list[float])
    failed: list[str] = field(default_factory=list[str])
    memory: list[int] = field(default_factory=list[int])

    def clear(self) -> None:
        """Forgets what was measured."""
        for measured in (self.logins, self.pings, self.failed, self.memory):
            measured.clear()

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Measures for the length of the block."""
        self.clear()
        tasks = [asyncio.create_task(self._repeat(one, every)) for one, every in self._steps()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _steps(self) -> Sequence[tuple[str, float]]:
        return ("login", LOGIN_EVERY_S), ("ping", PING_EVERY_S)

    async def _repeat(self, what: str, every_s: float) -> None:
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(GIVEN_UP_S):
                    await getattr(self, what)()
            except Exception as error:
                self.failed.append(f"{what}: {error!r}")
            self.memory.append(memory_of(self.pid))
            await asyncio.sleep(max(0.0, began + every_s - time.monotonic()))

    async def login(self) -> None:
        """A new connection, a login, and goodbye."""
        began = time.monotonic()
        async with raw_client(self.url) as client:
            await client.login(self.app, "canary", self.user, self.token)
            self.logins.append(time.monotonic() - began)
            await client.ask("logout", roomID="canary")

    async def ping(self) -> None:
        """A request over HTTP on a connection of its own."""
        began = time.monotonic()
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        with contextlib.closing(writer):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
        self.pings.append(time.monotonic() - began)


def memory_of(pid: int) -> int:
    """Bytes of a process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"process {pid} has gone")


def percentile(measured: Sequence[float], share: float) -> float:
    """The percentile of a share of 0 to 1 by the nearest-rank method: always one of the values measured."""
    ordered = sorted(measured)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
