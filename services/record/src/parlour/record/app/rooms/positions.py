"""Whether a place that an asker names is one of our history: its number has the hash here that the asker has seen."""

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

from parlour.contracts.codes import Code
from parlour.contracts.ids import Position
from parlour.kernel.log import LogHead, Record
from parlour.kernel.rejection import Rejection

NOBODY_BEFORE = "0" * 16
"""hash8 before a log's first event."""


class Events(Protocol):
    """The log's events."""

    def read(self, uid: UUID, after: int, limit: int) -> Awaitable[tuple[Record, ...]]:
        """Those behind `after`, at most `limit`, in order."""
        ...


async def has_place(events: Events, head: LogHead, seq: int, hash8: str) -> bool:
    """Whether the log reaches `seq` and its hash there begins with `hash8`."""
    if seq > head.seq:
        return False
    if seq == 0:
        return hash8 == NOBODY_BEFORE
    records = await events.read(head.log.uid, seq - 1, 1)
    return bool(records) and records[0].hash.hex()[:16] == hash8


def other_history(head: LogHead, field: str) -> Rejection:
    """What an asker gets whose place is of another history than ours: nothing of ours stands for it."""
    position = Position(str(head.log.uid), head.seq, head.hash.hex()[:16])
    return Rejection.of(
        Code.RESYNC_NEEDED, "this position is not in the room's history", field=field,
        hint=f"the room is at {position}",
    )  # fmt: skip
