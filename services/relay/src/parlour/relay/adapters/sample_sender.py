"""Sends quality samples on the bus. They are measurements: what cannot be sent now is dropped and counted."""

import asyncio
from collections import deque

import msgspec

from parlour.contracts import subjects
from parlour.contracts.quality import QualityBatch
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

MAX_WAITING = 64
"""Batches of one round of the largest node, and more; beyond, the oldest go."""


class SampleSender:
    """`tell` from anywhere in the loop; `run` sends while the service lives."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[QualityBatch] = deque(maxlen=MAX_WAITING)
        self._told = asyncio.Event()
        self._encode = msgspec.json.Encoder().encode

    def tell(self, batch: QualityBatch) -> None:
        """Queues a batch."""
        self._waiting.append(batch)
        self._told.set()

    async def run(self) -> None:
        """Sends until cancelled; others of this loop get their turn between two batches."""
        while True:
            await self._told.wait()
            self._told.clear()
            await self.flush()

    async def flush(self) -> None:
        """Sends what waits."""
        while self._waiting:
            await self._send(self._waiting.popleft())
            await asyncio.sleep(0)

    async def _send(self, batch: QualityBatch) -> None:
        try:
            await self._bus.publish(subjects.relay_quality(batch.node), self._encode(batch))
        except Rejection:
            self._bus.metrics.shed.labels("samples").inc()
