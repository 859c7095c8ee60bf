"""Server-sent events: a room's events as they come, each with its position as the id, so that a reader goes on where it was.

Rules. 1. For a client that does not read, one page is held and nothing more; after `STUCK_S` the connection is closed, and the client
comes back by its last id. 2. `end` is sent for what ends the right to read, and for nothing else: a client that gets it stops. Where the
server cannot go on now, the body ends without `end`, and the client comes back by its last id.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from parlour.contracts.codes import Code
from parlour.gateway.app.delivery.cursor import Page
from parlour.gateway.app.delivery.readers import Reader
from parlour.gateway.domain.encoded_event import EncodedEvent
from parlour.kernel.rejection import Rejection

HEARTBEAT_S = 15.0
"""A comment is sent after so long a silence."""
STUCK_S = 30.0
"""How long a piece may wait for the client to read."""
RETRY_MS = 2_000
"""How long a client is told to wait before it comes back."""
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
EVENTS_PER_PIECE = 200
"""Events in one piece of the body."""
TRANSIENT_CODES = frozenset(
    {Code.REQUEST_TIMEOUT, Code.SERVER_ERROR, Code.RATE_LIMITED, Code.UNAVAILABLE, Code.HISTORY_BEHIND}
)
"""Refusals that say nothing about the right to read: the same question may be answered a moment later."""
_encode = msgspec.json.Encoder().encode


class EventStream(Response):
    """The stream of a reader: its first page, and what follows. `resources` (the reader, its slot) are released at the end."""

    media_type = "text/event-stream"

    def __init__(self, reader: Reader, first: Page, resources: AsyncExitStack, headers: dict[str, str]) -> None:
        super().__init__(headers=HEADERS | headers)
        del self.headers["content-length"]
        self._reader = reader
        self._first = first
        self._resources = resources
        self._client_left = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the stream until either side ends it."""
        async with self._resources:
            watch = asyncio.ensure_future(self._watch(receive))
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async for piece in self._pieces():
                    async with asyncio.timeout(STUCK_S):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            except TimeoutError:
                return
            finally:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client_left = True
        self._reader.changed.set()

    async def _pieces(self) -> AsyncGenerator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        yield encode_page(self._first)
        page = self._first
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        while not self._client_left:
            if not page.more:
                await self._reader.wait(HEARTBEAT_S)
            if self._reader.closing:
                return
            try:
                page = await self._reader.read_page(EVENTS_PER_PIECE)
            except Rejection as refused:
                if refused.problem.code not in TRANSIENT_CODES:
                    yield _event("end", "", _encode(refused.problem))
                return
            if page.items or page.diverged:
                yield encode_page(page)
            elif loop.time() - sent_at < HEARTBEAT_S:
                continue
            else:
                yield b": \n\n"
            sent_at = loop.time()


def encode_page(page: Page) -> bytes:
    """Encodes a page: each event as a message with its position as id, each skip as a message `skip`. The message `resync` makes a reader
    whose position is not in the history start again with the state as of the page's position.
    """
    if page.diverged:
        return _event("resync", str(page.position), _encode({"reason": "diverged", "pos": str(page.position)}))
    return b"".join(
        _event("", str(item.position), item.json)
        if isinstance(item, EncodedEvent)
        else _event("skip", item.pos, _encode(item))
        for item in page.items
    )


def _event(name: str, position: str, body: Any) -> bytes:
    head = (f"event: {name}\n" if name else "") + (f"id: {position}\n" if position else "")
    return b"%sdata: %s\n\n" % (head.encode(), body)
