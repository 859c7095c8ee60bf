"""Events that a reader could not read and skipped: they are logged, counted and stored, since one changed row must not stop history or
webhooks for ever. `parlour.verify` of the room names the first event that is not as it was written.
"""

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.runtime.telemetry.logging import logger

STORED_PER_BATCH = 100
"""Rows stored for one batch of a reader: of a table full of unknown types the count is enough."""
PROBLEM_CHARACTERS = 300
HISTORY = "history"

log = logger(__name__)


class DamagedEvent(msgspec.Struct, frozen=True):
    """One event and why it could not be read."""

    room_uid: UUID
    seq: int
    type: str
    problem: str


class DamagedEvents(Protocol):
    """Stores damaged events. Methods may raise `LogUnavailable`."""

    async def add(self, reader: str, events: Sequence[DamagedEvent]) -> None:
        """Adds rows; an event that a reader has reported before keeps its row."""
        ...


class DamageReport:
    """Readers call `report_skipped` before they move on, so that a crash in between reports an event twice rather than never."""

    def __init__(self, stored: DamagedEvents, count: Callable[[str, int], None]) -> None:
        self._stored = stored
        self._count = count
        """Called with (kind of reader, number of events)."""

    async def report_skipped(self, reader: str, events: Sequence[DamagedEvent]) -> None:
        """Logs, counts and stores the events that `reader` skips. `LogUnavailable` if they could not be stored."""
        if not events:
            return
        first = events[0]
        self._count(reader.partition("/")[0], len(events))
        log.error(
            "event_damaged", reader=reader, room_uid=str(first.room_uid), seq=first.seq, type=first.type,
            problem=first.problem[:PROBLEM_CHARACTERS], number=len(events),
        )  # fmt: skip
        await self._stored.add(reader, events[:STORED_PER_BATCH])
