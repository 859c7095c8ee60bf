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
"""Facts of minutes. Beyond, the oldest are dropped: registries see the gap in their numbers and ask for a report."""
SAMPLES_WAITING = 64
"""Batches of one round of the largest node, and more; beyond, the oldest are dropped, which leaves a gap in a series."""

T = TypeVar("T", bound=msgspec.Struct)


class BusSender(Generic[T]):
    """Queues messages in `send`, which never waits, and publishes them in `run`. Those that NATS does not take are counted under `what`."""

    def __init__(self, bus: Bus, what: str, subject_of: Callable[[T], str], most: int) -> None:
        self._bus = bus
        self._what = what
        self._subject_of = subject_of
        self._waiting: deque[T] = deque(maxlen=most)
        self._queued = asyncio.Event()
        self._encode = msgspec.json.Encoder().encode

    def send(self, message: T, /) -> None:
        """Queues a message for `run`; the oldest is dropped where too many wait."""
        self._waiting.append(message)
        self._queued.set()

    async def run(self) -> None:
        """Publishes queued messages until cancelled."""
        while True:
            await self._queued.wait()
            self._queued.clear()
            await self.flush()

    async def flush(self) -> None:
        """Publishes what is queued, and lets other tasks of the loop run in between."""
        while self._waiting:
            message = self._waiting.popleft()
            try:
                await self._bus.publish(self._subject_of(message), self._encode(message))
            except Rejection:
                self._bus.metrics.shed.labels(self._what).inc()
            await asyncio.sleep(0)


def facts(bus: Bus) -> BusSender[RelayFact]:
    """The sender of the node's facts."""
    return BusSender(bus, "facts", _fact_subject, FACTS_WAITING)


def samples(bus: Bus) -> BusSender[QualityBatch]:
    """The sender of quality samples."""
    return BusSender(bus, "samples", lambda batch: subjects.relay_quality(batch.node), SAMPLES_WAITING)


def _fact_subject(fact: RelayFact) -> str:
    return subjects.relay_fact(fact.node, str(type(fact).__struct_config__.tag))
