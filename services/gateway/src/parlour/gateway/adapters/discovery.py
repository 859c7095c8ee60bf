"""Which services answer on the bus, by NATS's micro-service protocol."""

import asyncio
import contextlib
import time
from typing import Any

import msgspec
from nats.errors import Error as NatsError

from parlour.gateway.domain.service_status import ServiceStatus, ServiceTracker
from parlour.runtime.messaging.bus import Bus

PING = "$SRV.PING"
WAIT_S = 1.0
"""How long a service has to answer. A wait this long only occurs where one is silent: otherwise it ends with the last expected answer."""
SETTLE_S = 0.05
"""After the last expected answer, for replicas that nobody knew of yet."""
CACHED_S = 2.0


class Answer(msgspec.Struct, frozen=True):
    """What one replica of a service says to a ping."""

    name: str
    id: str


class Discovery:
    """Pings everybody at most every two seconds, for however many ask."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._liveness = ServiceTracker()
        self._services: tuple[ServiceStatus, ...] = ()
        self._at = float("-inf")
        self._asking = asyncio.Lock()

    async def services(self) -> tuple[ServiceStatus, ...]:
        """Every service that is expected here or was seen, by name, those that do not answer among them."""
        async with self._asking:
            if time.monotonic() - self._at > CACHED_S:
                answered = set[tuple[str, str]]()
                if self._bus.connected:
                    with contextlib.suppress(NatsError):  # without NATS nobody answers, which is what is shown then
                        await self._ping(answered)
                self._at = time.monotonic()
                self._services = self._liveness.judge(answered, self._at)
            return self._services

    async def _ping(self, answered: set[tuple[str, str]]) -> None:
        nats: Any = self._bus.client  # nats-py's `subscribe` is only partly typed
        inbox = nats.new_inbox()
        complete = asyncio.Event()

        async def receive(msg: object) -> None:
            with contextlib.suppress(msgspec.DecodeError):
                answer = msgspec.json.decode(getattr(msg, "data", b""), type=Answer)
                if (
                    "-" not in answer.name
                ):  # record-history and the like are parts of one process, which answers for itself too
                    answered.add((answer.name, answer.id))
            if self._liveness.complete(answered):
                complete.set()

        subscription = await nats.subscribe(inbox, cb=receive)
        try:
            await nats.publish(PING, b"", inbox)
            async with asyncio.timeout(WAIT_S):
                await complete.wait()
                await asyncio.sleep(SETTLE_S)
        except TimeoutError:
            pass  # who is silent is judged by who answered
        finally:
            await subscription.unsubscribe()
