"""A plain client of the gateway, written only from docs/protocol.md: no state but what was asked and what came."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self, cast
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SUBPROTOCOL = "parlour.v1.json"
Frame = dict[str, Any]


class Refusal(Exception):
    """The gateway said no: `error` as it came."""

    def __init__(self, error: Frame) -> None:
        super().__init__(f"{error.get('code')} {error.get('message')}")
        self.error = error
        self.code = int(error.get("code", 0))


class RawClient:
    """One WebSocket. `frames` holds everything that was not an answer, in the order of arrival."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: dict[str, asyncio.Future[Frame]] = {}
        self._changed = asyncio.Condition()
        self.frames: list[Frame] = []
        self._pages: list[Frame] = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, headers: dict[str, str] | None = None) -> Self:
        """Connects to a gateway's http(s) or ws(s) address, with these headers besides."""
        address = url.replace("http", "ws", 1) if url.startswith("http") else url
        protocols, path = [cast("Any", SUBPROTOCOL)], f"{address.rstrip('/')}/ws"
        return cls(await connect(path, subprotocols=protocols, max_size=1 << 20, additional_headers=headers))

    async def _read(self) -> None:
        try:
            with contextlib.suppress(ConnectionClosed):  # `closed` tells the code
                async for payload in self._socket:
                    await self._take(json.loads(payload))
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("the gateway closed the connection"))
            async with self._changed:
                self._changed.notify_all()

    async def _take(self, frame: Frame) -> None:
        if frame.get("t") == "page":
            self._pages.append(frame)
        elif self._pages and "users" in frame:
            for name in ("users", "streams"):
                frame[name] = [entry for page in (*self._pages, frame) for entry in page[name]]
            self._pages.clear()
        waiting = self._waiting.pop(str(frame.get("id")), None) if frame.get("t") == "res" else None
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)
        async with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()

    async def ask(self, kind: str, *, command_id: str = "", timeout_s: float = 10, **fields: Any) -> Frame:
        """Sends a frame and gives its answer. Refusal for an error, ConnectionError or TimeoutError when none comes."""
        chosen = command_id or str(uuid4())
        answer = asyncio.get_running_loop().create_future()
        self._waiting[chosen] = answer
        async with asyncio.timeout(timeout_s):
            await self._socket.send(json.dumps({"t": kind, "id": chosen, **fields}))
            frame = cast("Frame", await answer)
        if not frame.get("ok"):
            raise Refusal(frame.get("error", {}))
        return frame

    async def login(self, app: int, room: str, user: str, token: str, *, command_id: str = "", **config: Any) -> Frame:
        """Enters a room."""
        named = {"userID": user, "userName": user}
        return await self.ask(
            "login", command_id=command_id, appID=app, roomID=room, token=token, user=named, config=config
        )

    async def send_text(self, text: str) -> None:
        """Whatever the test likes, as one text frame."""
        await self._socket.send(text)

    async def wait_for(self, wanted: Any, *, timeout_s: float = 10) -> Frame:
        """The first frame, past or coming, that satisfies `wanted(frame)`."""
        async with asyncio.timeout(timeout_s), self._changed:
            while True:
                found = next((frame for frame in self.frames if wanted(frame)), None)
                if found is not None:
                    return found
                if self._reader.done():
                    raise ConnectionError("the gateway closed the connection")
                await self._changed.wait()

    async def closed(self, *, timeout_s: float = 10) -> int:
        """Waits for the gateway to close; its code."""
        async with asyncio.timeout(timeout_s):
            await self._socket.wait_closed()
        return self._socket.close_code or 0

    async def close(self) -> None:
        """Closes the connection, saying nothing more."""
        await self._socket.close()
        await asyncio.gather(self._reader, return_exceptions=True)


@asynccontextmanager
async def raw_client(url: str) -> AsyncGenerator[RawClient]:
    """A client for the length of a block."""
    client = await RawClient.open(url)
    try:
        yield client
    finally:
        await client.close()
