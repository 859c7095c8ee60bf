"""The WebSocket connection to any of the gateways, opened again whenever it is lost. It drives a `Session`."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from .backoff import Backoff
from .gateway_http import Token, read_token, socket_address
from .session import Session
from .session_events import ConnectionReady, Disconnect, RoomOutcome

SUBPROTOCOL = "parlour.v1.json"
CONNECT_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
MAX_FRAME_BYTES = 4 << 20
"""Server frames have about 64 kB, an SDP more; the limit keeps a faulty server from filling the memory."""

logger = logging.getLogger("parlour.client")


class _Disconnected(Exception):
    def __init__(self, drop: Disconnect) -> None:
        super().__init__(drop.why)
        self.drop = drop


class Link:
    """Runs in a task of its own. `deliver` takes the session's outcomes and must not wait."""

    def __init__(
        self,
        urls: Sequence[str],
        session: Session,
        deliver: Callable[[RoomOutcome], None],
        token: Token,
    ) -> None:
        self._addresses = [socket_address(url) for url in urls]
        self._session = session
        self._deliver = deliver
        self._token = token
        self._backoff = Backoff()
        self._wake = asyncio.Event()
        self._next_address = 0

    def wake(self) -> None:
        """Wakes the writer, since the session has something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Keeps a connection open until it is cancelled."""
        while True:
            address = self._addresses[self._next_address % len(self._addresses)]
            wait_s: float | None = None
            try:
                await self._once(address)
            except _Disconnected as dropped:
                wait_s = dropped.drop.after_s
                logger.info("connection to %s given up: %s", address, dropped)
            except (OSError, TimeoutError, WebSocketException) as error:
                logger.info("no connection to %s: %s", address, error)
            self._next_address += 1
            await asyncio.sleep(self._backoff.next_s() if wait_s is None else wait_s)

    async def _once(self, address: str) -> None:
        """One connection, from its opening to its end."""
        self._session.account.token = await read_token(self._token)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            socket = await connect(
                address, subprotocols=[cast("Any", SUBPROTOCOL)], max_size=MAX_FRAME_BYTES, compression=None,
                ping_interval=None, close_timeout=CLOSE_TIMEOUT_S,
            )  # fmt: skip
        try:
            self._session.handle_connected(_now())
            await self._both(socket)
        finally:
            self._session.handle_lost(socket.close_code or 0)
            await socket.close()
            self._deliver_outcomes()

    async def _both(self, socket: ClientConnection) -> None:
        """Reads and writes until one of the two ends; its error."""
        tasks = [asyncio.create_task(self._read(socket)), asyncio.create_task(self._write(socket))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            self._session.handle_text(text, _now())
            self._deliver_outcomes()
            self._wake.set()

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            self._wake.clear()
            while (text := self._session.poll_text()) is not None:
                await socket.send(text)
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._session.next_time()):
                    await self._wake.wait()
            self._session.handle_time(_now())
            self._deliver_outcomes()

    def _deliver_outcomes(self) -> None:
        dropped: Disconnect | None = None
        while (outcome := self._session.poll_outcome()) is not None:
            match outcome:
                case ConnectionReady():
                    self._backoff.reset()
                case Disconnect():
                    dropped = outcome
                case _:
                    self._deliver(outcome)
        if dropped is not None:
            raise _Disconnected(dropped)


def _now() -> float:
    return asyncio.get_running_loop().time()
