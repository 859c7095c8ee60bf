"""An HTTP server that webhooks are sent to in tests: it answers as it is told and remembers what came."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from parlour.kernel.log import LogKey

WITHIN_S = 20.0
Behaviour = Callable[["Came"], Awaitable[web.Response]]


class Came(msgspec.Struct, frozen=True):
    """One request at the receiver."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The webhook-id."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class Receiver:
    """An HTTP server; `behave` answers, and what it answered 2xx has arrived."""

    def __init__(self) -> None:
        self.requests: list[Came] = []
        self.arrived: list[Came] = []
        self.changed = asyncio.Condition()
        self.behave: Behaviour = yes
        self.port = 0

    def url(self, path: str) -> str:
        """An address here."""
        return f"http://127.0.0.1:{self.port}/{path}"

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        came = Came(request.path.strip("/"), headers, await request.read())
        self.requests.append(came)
        answer = await self.behave(came)
        async with self.changed:
            if answer.status < 300:
                self.arrived.append(came)
            self.changed.notify_all()
        return answer

    def seqs(self, key: LogKey, path: str) -> list[int]:
        """The seqs of a call that arrived at a path, in the order in which they first came."""
        uid = str(key.uid)
        ids = dict.fromkeys(one.id for one in self.arrived if one.path == path)
        return [int(id_.partition(":")[2]) for id_ in ids if id_.startswith(uid)]

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits for a condition that requests make true."""
        async with asyncio.timeout(WITHIN_S), self.changed:
            await self.changed.wait_for(true)


async def yes(came: Came) -> web.Response:
    """Everything is well."""
    return web.Response()


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """A receiver as long as the block runs."""
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()
