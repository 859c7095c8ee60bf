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
"""How long a service has to answer. The wait ends earlier, with the last expected answer, unless a service does not answer."""
SETTLE_S = 0.05
"""Wait after the last expected answer, for replicas that were not known yet."""
CACHED_S = 2.0
"""How long answers are cached; at most one ping in this time is sent."""


class Answer(msgspec.Struct, frozen=True):
    """The answer of one replica of a service to a ping."""

    name: str
    id: str


class Discovery:
    """Pings all services at most once in `CACHED_S`, for however many callers."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._liveness = ServiceTracker()
        self._services: tuple[ServiceStatus, ...] = ()
        self._at = float("-inf")
        self._asking = asyncio.Lock()

    async def services(self) -> tuple[ServiceStatus, ...]:
        """Returns every service that is expected here or ever answered, by name, with those that do not answer now."""
        async with self._asking:
            if time.monotonic() - self._at > CACHED_S:
                answered = set[tuple[str, str]]()
                if self._bus.connected:
                    with contextlib.suppress(NatsError):  # without NATS no service answers, and all are shown as down
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
                if "-" not in answer.name:  # a part of a process, such as record-history; the process answers too
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
            pass  # services that did not answer count as down
        finally:
            await subscription.unsubscribe()
