"""Sends facts or quality samples on the bus in their order, without ever making the node wait for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from parlour.contracts import subjects
from parlour.contracts.quality import QualityBatch
from parlour.contracts.relay import RelayFact
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

FACTS_WAITING = 10_000
"""Facts of minutes. Beyond, the oldest go: who listens sees the gap in their numbers and asks for a report."""
SAMPLES_WAITING = 64
"""Batches of one round of the largest node, and more; beyond, the oldest go, and are a gap in a series."""

T = TypeVar("T", bound=msgspec.Struct)


class Sender(Generic[T]):
    """`tell` from anywhere in the loop; `run` sends while the service lives. What NATS does not take now is counted under `what`."""

    def __init__(self, bus: Bus, what: str, subject_of: Callable[[T], str], most: int) -> None:
        self._bus = bus
        self._what = what
        self._subject_of = subject_of
        self._waiting: deque[T] = deque(maxlen=most)
        self._told = asyncio.Event()
        self._encode = msgspec.json.Encoder().encode

    def tell(self, said: T, /) -> None:
        """Queues it."""
        self._waiting.append(said)
        self._told.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._told.wait()
            self._told.clear()
            await self.flush()

    async def flush(self) -> None:
        """Sends what waits; others of this loop get their turn in between."""
        while self._waiting:
            said = self._waiting.popleft()
            try:
                await self._bus.publish(self._subject_of(said), self._encode(said))
            except Rejection:
                self._bus.metrics.shed.labels(self._what).inc()
            await asyncio.sleep(0)


def facts(bus: Bus) -> Sender[RelayFact]:
    """Of facts."""
    return Sender(bus, "facts", _fact_subject, FACTS_WAITING)


def samples(bus: Bus) -> Sender[QualityBatch]:
    """Of quality samples."""
    return Sender(bus, "samples", lambda batch: subjects.relay_quality(batch.node), SAMPLES_WAITING)


def _fact_subject(fact: RelayFact) -> str:
    return subjects.relay_fact(fact.node, str(type(fact).__struct_config__.tag))
