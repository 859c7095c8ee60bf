"""The delivery log stays bounded: attempts grow old, and an endpoint has only so many."""

import asyncio
import time
from typing import Protocol

EVERY_S = 300.0
KEPT_MOST = 10_000
"""Attempts of one endpoint."""
FORGOTTEN_AT_ONCE = 10_000


class DeliveryLog(Protocol):
    """Where attempts are noted."""

    async def forget_deliveries(self, before_us: int, kept: int, at_most: int) -> None:
        """Drops what is older, and of each endpoint all but the newest `kept`."""
        ...


async def forget(deliveries: DeliveryLog, kept_s: float) -> None:
    """Does its round every five minutes, for ever."""
    while True:
        await deliveries.forget_deliveries(round((time.time() - kept_s) * 1e6), KEPT_MOST, FORGOTTEN_AT_ONCE)
        await asyncio.sleep(EVERY_S)
