"""Sends facts on the bus in their order, without ever making the node wait for it."""

import asyncio
from collections import deque

import msgspec

from parlour.contracts import subjects
from parlour.contracts.relay import RelayFact
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

MAX_WAITING = 10_000
"""Facts of minutes. Beyond, the oldest go: who listens sees the gap in their numbers and asks for a report."""


class FactSender:
    """`tell` from anywhere in the loop; `run` sends while the service lives."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[RelayFact] = deque(maxlen=MAX_WAITING)
        self._told = asyncio.Event()
        self._encode = msgspec.json.Encoder().encode

    def tell(self, fact: RelayFact) -> None:
        """Queues a fact."""
        self._waiting.append(fact)
        self._told.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._told.wait()
            self._told.clear()
            await self.flush()

    async def flush(self) -> None:
        """Sends what waits; what NATS does not take now is a gap that a report fills."""
        while self._waiting:
            fact = self._waiting.popleft()
            kind = str(type(fact).__struct_config__.tag)
            try:
                await self._bus.publish(subjects.relay_fact(fact.node, kind), self._encode(fact))
            except Rejection:
                self._bus.metrics.shed.labels("facts").inc()
