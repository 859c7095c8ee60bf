"""Read your writes: a question that names a position is answered from projections that have passed it, or not at all.

The projections follow the log within `PARLOUR_RECORD_HISTORY_POLL_MS` and a batch's time; while they are being caught up it may be long.
"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

from parlour.contracts.codes import Code
from parlour.contracts.ids import Position, parse_position
from parlour.kernel.log import LogHead, Record
from parlour.kernel.rejection import Rejection
from parlour.record.app.rooms.positions import has_place, other_history
from parlour.record.domain.projections.rows import CallRow

WITHIN_S = 3.0
"""Below what a gateway waits for an answer."""
FIRST_PAUSE_S, MOST_PAUSE_S = 0.02, 0.2
WAITING_MOST = 200
"""Questions that wait at once in one process; one more is told at once that it has to."""


class LogReader(Protocol):
    """Where the log's lives stand."""

    def head(self, uid: UUID) -> Awaitable[LogHead | None]:
        """One life; None where there is none."""
        ...

    def read(self, uid: UUID, after: int, limit: int) -> Awaitable[tuple[Record, ...]]:
        """Its events behind `after`, at most `limit`, in order."""
        ...


class CallRows(Protocol):
    """The active generation's calls."""

    def call(self, room_uid: UUID) -> Awaitable[CallRow | None]:
        """One."""
        ...


class ReadYourWrites:
    """Waits for the projections."""

    def __init__(self, heads: LogReader, rows: CallRows) -> None:
        self._heads = heads
        self._rows = rows
        self._waiting = 0

    async def passed(self, app: int, room: str, min_pos: str) -> None:
        """Returns when the projections are at or behind the position; at once for an empty one. `Rejection` where the asker may know of
        no such place, or where it takes too long.
        """
        if not min_pos:
            return
        place = parse_position(min_pos)
        uid = UUID(place.room_uid)
        head = await self._heads.head(uid)
        if head is None or head.log.app != app or (room and head.log.room != room):
            raise Rejection.of(Code.NOT_FOUND, "there is no such call", field="min_pos")
        if place.seq > head.seq:
            raise Rejection.of(
                Code.NOT_FOUND, f"the room has no event {place.seq}", field="min_pos", limit=f"0..{head.seq}"
            )
        if not await has_place(self._heads, head, place.seq, place.hash8):
            raise other_history(head, "min_pos")
        self._waiting += 1
        try:
            await self._wait(uid, place)
        finally:
            self._waiting -= 1

    async def _wait(self, uid: UUID, place: Position) -> None:
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + WITHIN_S, FIRST_PAUSE_S
        while True:
            row = await self._rows.call(uid)
            if row is not None and row.seq >= place.seq:
                return
            if loop.time() + pause > until or self._waiting > WAITING_MOST:
                raise _behind(row.seq if row is not None else 0)
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_PAUSE_S)


def _behind(seq: int) -> Rejection:
    return Rejection.of(
        Code.HISTORY_BEHIND, "history does not reach this position yet", field="min_pos", limit=f"0..{seq}",
        hint="ask again in a moment",
    )  # fmt: skip
