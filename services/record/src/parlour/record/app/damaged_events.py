"""Events that could not be read and were gone past: said in the log of the service, counted, and written down for whoever asks later.

A reader of the whole record must not stand still for ever because one row of it was changed. Nothing is decided here about who changed
what: `parlour.verify` of the room names the first event that is not as it was written.
"""

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.runtime.telemetry.logging import logger

WRITTEN_AT_ONCE = 100
"""Rows for one batch of a reader. A table full of strange types is told by its number, not by a row for each event."""
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
    """Where it is written down. May raise `LogUnavailable`."""

    async def add(self, reader: str, damages: Sequence[DamagedEvent]) -> None:
        """Those that stand there already stay as they are."""
        ...


class DamageReport:
    """`gone_past` is called before a reader moves on, so that a crash between the two says it twice rather than never."""

    def __init__(self, notebook: DamagedEvents, count: Callable[[str, int], None]) -> None:
        self._notebook = notebook
        self._count = count
        """Hears (kind of reader, how many)."""

    async def gone_past(self, reader: str, damages: Sequence[DamagedEvent]) -> None:
        """Does nothing where there are none."""
        if not damages:
            return
        first = damages[0]
        self._count(reader.partition("/")[0], len(damages))
        log.error(
            "event_damaged", reader=reader, room_uid=str(first.room_uid), seq=first.seq, type=first.type,
            problem=first.problem[:PROBLEM_CHARACTERS], number=len(damages),
        )  # fmt: skip
        await self._notebook.add(reader, damages[:WRITTEN_AT_ONCE])
