"""A client's WebSocket: frames in, frames out, and the reasons to close."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from parlour.contracts import client
from parlour.gateway.app.dispatch import Broken, Dispatch
from parlour.gateway.app.seat import Channel
from parlour.gateway.domain.frames import to_text
from parlour.gateway.domain.outbox import Outbox
from parlour.runtime.logging import logger

FIRST_FRAME_S = 10.0
CLOSE_WITHIN_S = 5.0
PROTOCOL_BROKEN, NOT_ALLOWED, TOO_SLOW, RESTARTS = 4400, 4401, 4408, 1012

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logger(__name__)


class Connection:
    """One WebSocket; the `Channel` of its session."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._close: tuple[int, str] | None = None
        self._writer: asyncio.Task[None] | None = None

    # Channel

    def put(self, text: str, *more: str) -> None:
        """Queues a frame, with those that belong to it; a client that is too slow is closed with a code that tells it to resume."""
        if self._close is None and not self._outbox.put(text, *more):
            self.close(TOO_SLOW, "too slow")
        self._wake.set()

    def skip(self, room_id: str, first: int, to: int, pos: str) -> None:
        """Queues a skip."""
        if self._close is None and not self._outbox.skip(room_id, first, to, pos):
            self.close(TOO_SLOW, "too slow")
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Sends what is queued, then closes; later frames are dropped."""
        if self._close is None:
            if code == RESTARTS:
                self._outbox.put(to_text(client.Bye(code, 500)))
            self._close = (code, reason)
            self._wake.set()
            if self._writer is not None:  # it may be stuck behind a client that does not read
                asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._writer.cancel)

    # life

    async def run(self, dispatch_for: Callable[[Channel], Dispatch], subprotocol: str | None) -> None:
        """Until either side ends it."""
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
        dispatch = dispatch_for(self)
        loop = asyncio.get_running_loop()
        reader, self._writer = loop.create_task(self._read(dispatch)), loop.create_task(self._write())
        try:
            await asyncio.wait((reader, self._writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            dispatch.closed()
            reader.cancel()
            self._writer.cancel()
            await asyncio.gather(reader, self._writer, return_exceptions=True)

    async def _read(self, dispatch: Dispatch) -> None:
        """Frames until the client leaves. Ends the connection by `close`, which the writer carries out."""
        until = time.monotonic() + FIRST_FRAME_S
        while True:
            silent = dispatch.session is None
            try:
                async with asyncio.timeout(max(0.0, until - time.monotonic()) if silent else None):
                    message = await self._receive()
            except TimeoutError:
                self.close(TOO_SLOW, "the first frame did not come")
                break
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                self.close(PROTOCOL_BROKEN, "text frames only")
                break
            try:
                await dispatch.frame(text)
            except Broken as error:
                self.close(PROTOCOL_BROKEN, str(error))
                break
            if self._close is not None:
                break
        await asyncio.Event().wait()

    async def _write(self) -> None:
        """Sends what is queued until the close is sent."""
        while True:
            while len(self._outbox):
                if self._outbox.overflowed:
                    break
                await self._send({"type": "websocket.send", "text": self._outbox.take()})
            if self._close is not None:
                code, reason = self._close
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
                return
            self._wake.clear()
            await self._wake.wait()


class WebSockets:
    """The ASGI application for WebSockets at any path."""

    def __init__(
        self, dispatch_for: Callable[[Channel], Dispatch], origins: tuple[str, ...], limit: int, gauge: Any
    ) -> None:
        self._dispatch_for = dispatch_for
        self._origins = frozenset(origins)
        self._limit = limit
        self._gauge = gauge
        self.open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if self.open >= self._limit or not self.admits(origin_of(scope)):
            await receive()
            await send({"type": "websocket.close", "code": NOT_ALLOWED, "reason": "not from here, or not now"})
            return
        offered = scope.get("subprotocols") or ()
        chosen = client.SUBPROTOCOL if client.SUBPROTOCOL in offered else None
        self.open += 1
        self._gauge.set(self.open)
        try:
            await Connection(receive, send).run(self._dispatch_for, chosen)
        finally:
            self.open -= 1
            self._gauge.set(self.open)

    def admits(self, origin: str) -> bool:
        """Whether a browser page of this origin may connect; programs send none."""
        return not origin or not self._origins or origin in self._origins


def origin_of(scope: Scope) -> str:
    """The Origin header; empty where there is none."""
    for name, value in scope["headers"]:
        if name == b"origin":
            return value.decode("latin-1")
    return ""
