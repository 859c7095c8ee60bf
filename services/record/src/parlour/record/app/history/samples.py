"""Quality samples on their way in, at most once: what cannot be stored now is dropped and counted, and leaves a gap in its series."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.history import BUCKET_US
from parlour.contracts.quality import QualityBatch, QualitySample
from parlour.kernel.log import LogUnavailable
from parlour.runtime.telemetry.logging import logger

SKEW_US = 3_600_000_000
"""A sample that is older, or from further ahead, is refused: its node's clock is wrong, and so would be its place in the series."""
LONGEST_MS = 600_000
"""No sample covers more: a node that stood still for so long measured nothing that means ten seconds."""

log = logger(__name__)


class SampleRow(msgspec.Struct, frozen=True):
    """A sample as its table has it, in the order of its columns."""

    room_uid: UUID
    at: int
    took_ms: int
    stream_id: str
    session_id: str
    publishes: bool
    kind: str
    node: str
    packets: int
    bytes: int
    expected: int | None
    lost: int | None
    jitter_us: int | None
    rtt_us: int | None
    nacks: int
    plis: int
    keyframes: int


class SampleStore(Protocol):
    """Where samples are kept."""

    def add(self, rows: list[SampleRow]) -> Awaitable[None]:
        """All or none; `LogUnavailable` where the database is away."""
        ...


class SampleIntake:
    """Takes batches in; `note` counts samples by outcome: kept, refused, lost."""

    def __init__(self, kept: SampleStore, note: Callable[[str, int], None]) -> None:
        self._kept = kept
        self._note = note

    async def take(self, batch: QualityBatch) -> None:
        """One batch of a node."""
        now_us = round(time.time() * 1e6)
        rows = [row for sample in batch.samples if (row := row_of(batch.node, sample, now_us)) is not None]
        self._note("refused", len(batch.samples) - len(rows))
        if not rows:
            return
        try:
            await self._kept.add(rows)
        except LogUnavailable as error:
            log.warning("samples_lost", node=batch.node, samples=len(rows), error=str(error))
            self._note("lost", len(rows))
            return
        self._note("kept", len(rows))


def row_of(node: str, sample: QualitySample, now_us: int) -> SampleRow | None:
    """The row of a sample; None for one that cannot be true."""
    try:
        room_uid = UUID(sample.room_uid)
    except ValueError:
        return None
    if sample.at % BUCKET_US or abs(sample.at - now_us) > SKEW_US or not 0 < sample.took_ms <= LONGEST_MS:
        return None
    counts = (sample.packets, sample.bytes, sample.expected, sample.lost, sample.jitter_us, sample.rtt_us,
              sample.nacks, sample.plis, sample.keyframes)  # fmt: skip
    if any(count is not None and not 0 <= count < 2**63 for count in counts):
        return None
    session_id = sample.owner.partition("/")[0]
    return SampleRow(
        room_uid, sample.at, sample.took_ms, sample.stream_id, session_id, sample.publishes, sample.kind, node, *counts
    )
