"""Which services answer on the bus, by NATS's micro-service protocol."""

import asyncio
import time
from typing import Any

import msgspec

from parlour.runtime.messaging.bus import Bus

PING = "$SRV.PING"
WAIT_S = 0.15
KEEP_S = 2.0


class Seen(msgspec.Struct, frozen=True):
    """One replica of a service."""

    name: str
    id: str
    version: str


class Discovery:
    """Asks everybody at most every two seconds."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._seen: tuple[Seen, ...] = ()
        self._at = float("-inf")
        self._asking = asyncio.Lock()

    async def services(self) -> tuple[Seen, ...]:
        """The replicas that answered, by name."""
        async with self._asking:
            if time.monotonic() - self._at > KEEP_S:
                self._seen = await self._ask()
                self._at = time.monotonic()
            return self._seen

    async def _ask(self) -> tuple[Seen, ...]:
        found: list[Seen] = []
        nats: Any = self._bus.client  # nats-py's `subscribe` is only partly typed
        inbox = nats.new_inbox()

        async def answered(msg: object) -> None:
            found.append(msgspec.json.decode(getattr(msg, "data", b""), type=Seen))

        subscription = await nats.subscribe(inbox, cb=answered)
        await nats.publish(PING, b"", inbox)
        await asyncio.sleep(WAIT_S)  # there is no telling how many will answer
        await subscription.unsubscribe()
        return tuple(sorted(found, key=lambda seen: (seen.name, seen.id)))
