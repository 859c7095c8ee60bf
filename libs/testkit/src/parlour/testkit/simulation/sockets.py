"""A WebSocket between a simulated client and a gateway's real connection: texts in order, with a delay, cut when either end dies."""

import asyncio
from collections.abc import Callable, MutableMapping
from contextvars import Context
from typing import Any

from parlour.gateway.api.websocket import Connection
from parlour.gateway.wiring import Gateway

from .processes import Faults, Process

NEAR_S = (0.0005, 0.01)
NOTICED_S = (0.01, 1.0)
"""How long a client takes to notice that its gateway is gone."""

Message = MutableMapping[str, Any]


class Socket:
    """`send` and `cut` are the client's; what comes goes to `heard` and, in the end, once to `ended`."""

    def __init__(
        self, faults: Faults, heard: Callable[["Socket", str], None], ended: Callable[["Socket"], None]
    ) -> None:
        self.open = True
        self._heard = heard
        self._ended = ended
        self._chance = faults.chance
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._due = [0.0, 0.0]

    def send(self, text: str) -> None:
        """A frame of the client's."""
        if self.open:
            self._later(0, self._incoming.put_nowait, {"type": "websocket.receive", "text": text})

    def cut(self, noticed_after_s: float = 0.0) -> None:
        """The client is gone; the gateway notices after a while."""
        if self.open:
            self.open = False
            asyncio.get_running_loop().call_later(
                noticed_after_s, self._incoming.put_nowait, {"type": "websocket.disconnect"}, context=Context()
            )

    def died(self) -> None:
        """The gateway is gone."""
        asyncio.get_running_loop().call_later(self._chance.uniform(*NOTICED_S), self._end, context=Context())

    async def serve(self, gateway: Gateway) -> None:
        """The gateway's side, until it ends."""
        await Connection(self._incoming.get, self._deliver).run(gateway.dispatch, None)
        self._later(1, self._end)

    async def _deliver(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            self._later(1, self._arrive, message["text"])
        elif message["type"] == "websocket.close":
            self._later(1, self._end)

    def _arrive(self, text: str) -> None:
        if self.open:
            self._heard(self, text)

    def _end(self) -> None:
        if self.open:
            self.open = False
            self._ended(self)

    def _later(self, way: int, call: Callable[..., None], *given: Any) -> None:
        loop = asyncio.get_running_loop()
        due = self._due[way] = max(loop.time() + self._chance.uniform(*NEAR_S), self._due[way] + 1e-6)
        loop.call_at(due, call, *given, context=Context())


class Door:
    """Where clients connect to one gateway process."""

    def __init__(self, gateway: Gateway, process: Process, faults: Faults) -> None:
        self.gateway = gateway
        self.process = process
        self._faults = faults

    def connect(self, heard: Callable[[Socket, str], None], ended: Callable[[Socket], None]) -> Socket:
        """A new connection."""
        socket = Socket(self._faults, heard, ended)
        self.process.on_death.append(socket.died)
        self.process.spawn(socket.serve(self.gateway))
        return socket
