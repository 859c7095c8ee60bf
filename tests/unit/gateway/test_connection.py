"""One WebSocket: what closes it, and that a client that does not read costs no more than its queue."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from parlour.gateway.api import websocket
from parlour.gateway.api.websocket import Connection, WebSockets
from parlour.gateway.app.dispatch import Dispatch
from parlour.gateway.app.seat import Channel
from parlour.gateway.app.sessions import Sessions
from parlour.gateway.domain.pace import Bucket
from parlour.runtime.metrics import Metrics

Message = dict[str, Any]


class Socket:
    """The server's side of an ASGI WebSocket. `stuck`: the client reads nothing."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.stuck = asyncio.Event()
        self.stuck.set()
        self._news = asyncio.Event()
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})

    def says(self, **frame: Any) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    def leaves(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def receive(self) -> Message:
        return await self._incoming.get()

    async def send(self, message: Any) -> None:
        await self.stuck.wait()
        self.sent.append(dict(message))
        self._news.set()

    async def has_sent(self, count: int) -> None:
        while len(self.sent) < count:
            self._news.clear()
            await self._news.wait()

    @property
    def close_code(self) -> int:
        return next((m["code"] for m in self.sent if m["type"] == "websocket.close"), 0)

    def frames(self) -> list[Message]:
        return [json.loads(m["text"]) for m in self.sent if m["type"] == "websocket.send"]


def dispatch_for(channel: Channel) -> Dispatch:
    """Requests that need no service: pings and refusals."""
    nothing: Any = None
    return Dispatch(channel, nothing, nothing, nothing, Sessions(), Bucket(10.0, 10.0, 0.0), faults.append)


faults: list[BaseException] = []


async def test_pings_are_answered_until_the_client_leaves() -> None:
    socket = Socket()
    question = str(uuid4())
    socket.says(t="ping", id=question)
    connection = Connection(socket.receive, socket.send)
    life = asyncio.create_task(connection.run(dispatch_for, "parlour.v1.json"))
    async with asyncio.timeout(5):
        await socket.has_sent(2)
    socket.leaves()
    await life
    assert socket.sent[0] == {"type": "websocket.accept", "subprotocol": "parlour.v1.json"}
    assert socket.frames()[0]["id"] == question
    assert faults == []


async def test_a_silent_client_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "FIRST_FRAME_S", 0.01)
    socket = Socket()
    await Connection(socket.receive, socket.send).run(dispatch_for, None)
    assert socket.close_code == 4408


async def test_a_client_that_pings_but_never_logs_in_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "FIRST_FRAME_S", 0.05)
    socket = Socket()
    socket.says(t="ping", id=str(uuid4()))
    await Connection(socket.receive, socket.send).run(dispatch_for, None)
    assert socket.close_code == 4408


async def test_binary_frames_break_the_protocol() -> None:
    socket = Socket()
    socket._incoming.put_nowait({"type": "websocket.receive", "bytes": b"x"})  # pyright: ignore[reportPrivateUsage]
    await Connection(socket.receive, socket.send).run(dispatch_for, None)
    assert socket.close_code == 4400


async def test_a_flood_is_refused_then_closed() -> None:
    socket = Socket()
    for _ in range(1100):
        socket.says(t="ping", id=str(uuid4()))
    await Connection(socket.receive, socket.send).run(dispatch_for, None)
    assert socket.close_code in (4400, 4408)
    assert {f["error"]["code"] for f in socket.frames() if not f["ok"]} <= {9000004}


async def test_a_client_that_does_not_read_is_closed_and_its_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_WITHIN_S", 0.05)
    socket = Socket()
    connection = Connection(socket.receive, socket.send)
    life = asyncio.create_task(connection.run(dispatch_for, None))
    async with asyncio.timeout(5):
        await socket.has_sent(1)
        socket.stuck.clear()
        for n in range(5000):
            connection.put(json.dumps({"t": "ev", "n": n}))
        await life
    assert len(socket.sent) <= 2, "the connection ended although the client read nothing"


async def test_a_client_that_reads_again_is_told_to_resume() -> None:
    socket = Socket()
    connection = Connection(socket.receive, socket.send)
    life = asyncio.create_task(connection.run(dispatch_for, None))
    async with asyncio.timeout(5):
        await socket.has_sent(1)
        socket.stuck.clear()
        for n in range(5000):
            connection.put(json.dumps({"t": "ev", "n": n}))
        await asyncio.sleep(0)
        socket.stuck.set()
        await life
    assert socket.close_code == 4408


async def test_more_clients_than_the_limit_are_sent_away() -> None:
    sockets = WebSockets(dispatch_for, (), 0, Metrics("test").gauge("connections", "x"))
    socket = Socket()
    await sockets({"type": "websocket", "headers": []}, socket.receive, socket.send)
    assert [m["type"] for m in socket.sent] == ["websocket.close"]


@pytest.mark.parametrize(
    ("origin", "admitted"), [("", True), ("https://a.example", True), ("https://b.example", False)]
)
def test_origins(origin: str, admitted: bool) -> None:
    sockets = WebSockets(dispatch_for, ("https://a.example",), 1, None)
    assert sockets.admits(origin) is admitted
