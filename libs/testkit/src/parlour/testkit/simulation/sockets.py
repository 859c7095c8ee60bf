"""A WebSocket between a simulated client and a gateway's real connection: texts in order, with a delay, cut when either end dies."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, cast

import msgspec
from picows import WSMsgType

from parlour.gateway.api.connection import Connection
from parlour.gateway.wiring import Gateway

from .processes import Faults, Process

NEAR_S = (0.0005, 0.01)
NOTICED_S = (0.01, 1.0)
"""How long a client takes to notice that its gateway is gone."""


class _Text(msgspec.Struct, frozen=True):
    """A client's frame as the connection is handed it."""

    text: str
    msg_type: WSMsgType = WSMsgType.TEXT
    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False

    @property
    def payload_size(self) -> int:
        """Of the text, in bytes."""
        return len(self.text.encode())

    def get_payload_as_bytes(self) -> bytes:
        """The text."""
        return self.text.encode()


class _Wire:
    """The transport that the gateway's connection writes to, and the one below it; the network takes all that is written."""

    def __init__(self, arrives: Callable[[str], None], over: Callable[[], None]) -> None:
        self.underlying_transport = self
        self._arrives = arrives
        self._over = over

    def send(self, _kind: WSMsgType, payload: bytes) -> None:
        """One frame."""
        self._arrives(payload.decode())

    def write(self, wire: bytes) -> None:
        """Whole frames as bytes (RFC 6455 §5.2)."""
        at = 0
        while at < len(wire):
            size, at = wire[at + 1], at + 2
            if size >= 126:
                octets = 2 if size == 126 else 8
                size, at = int.from_bytes(wire[at : at + octets], "big"), at + octets
            self._arrives(wire[at : at + size].decode())
            at += size

    def send_close(self, _code: int, _reason: bytes = b"") -> None:
        """Closes behind what was sent."""
        self._over()

    def disconnect(self, _graceful: bool = True) -> None:
        """Closes."""
        self._over()

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def get_extra_info(self, _name: str) -> "_Wire":
        """The socket, which is this as well."""
        return self

    def setsockopt(self, _level: int, _option: int, _value: int) -> None:
        """The network keeps no buffer."""

    def set_write_buffer_limits(self, _high: int, _low: int) -> None:
        """Never reached."""

    def pause_reading(self) -> None:
        """Clients send little."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""


class Socket:
    """`send` and `cut` are the client's; what comes goes to `heard` and, in the end, once to `ended`."""

    def __init__(
        self, faults: Faults, heard: Callable[["Socket", str], None], ended: Callable[["Socket"], None]
    ) -> None:
        self.open = True
        self._heard = heard
        self._ended = ended
        self._chance = faults.chance
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        """The client's frames; None once the connection is over."""
        self._due = [0.0, 0.0]

    def send(self, text: str) -> None:
        """A frame of the client's."""
        if self.open:
            self._later(0, self._incoming.put_nowait, text)

    def cut(self, noticed_after_s: float = 0.0) -> None:
        """The client is gone; the gateway notices after a while."""
        if self.open:
            self.open = False
            asyncio.get_running_loop().call_later(noticed_after_s, self._incoming.put_nowait, None, context=Context())

    def died(self) -> None:
        """The gateway is gone."""
        asyncio.get_running_loop().call_later(self._chance.uniform(*NOTICED_S), self._end, context=Context())

    async def serve(self, gateway: Gateway) -> None:
        """The gateway's side, until it ends."""
        connection = Connection(gateway.make_dispatcher, lambda _connection, _begins: None, "192.0.2.1")
        wire = cast("Any", _Wire(lambda text: self._later(1, self._arrive, text), self._over))
        connection.on_ws_connected(wire)
        while (text := await self._incoming.get()) is not None:
            connection.on_ws_frame(wire, cast("Any", _Text(text)))
        connection.on_ws_disconnected(wire)
        self._later(1, self._end)

    def _over(self) -> None:
        """The gateway has closed."""
        self._later(1, self._end)
        self._incoming.put_nowait(None)

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
