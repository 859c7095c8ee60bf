"""Read your writes: a question that names a position waits until the projections have passed it, or is refused.

The projections follow the log within `PARLOUR_RECORD_HISTORY_POLL_MS` and the time of a batch; while they catch up it may be longer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from parlour.contracts.codes import Code
from parlour.contracts.ids import Position, parse_position
from parlour.kernel.log import EventLog
from parlour.kernel.rejection import Rejection
from parlour.record.app.rooms.queries import has_position, resync_needed
from parlour.record.domain.projections.rows import CallRow

WAIT_S = 3.0
"""Longest wait of one question: less than a gateway waits for the answer."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.2
QUESTIONS_WAITING = 200
"""Most questions that wait at once in one process; further ones are refused after one look."""


FindCall = Callable[[UUID], Awaitable[CallRow | None]]
"""Returns the call with this id in the active generation, if there is one."""


class ReadYourWrites:
    """Holds a question back until the projections have the position that it names."""

    def __init__(
        self, log: EventLog, find_call: FindCall, *,
        wait_s: float = WAIT_S, first_pause_s: float = FIRST_PAUSE_S, most_waiting: int = QUESTIONS_WAITING,
    ) -> None:  # fmt: skip
        self._log = log
        self._find_call = find_call
        self._wait_s = wait_s
        self._first_pause_s = first_pause_s
        self._most_waiting = most_waiting
        self._waiting = 0

    async def wait_for(self, app: int, room: str, min_pos: str) -> None:
        """Returns once the projections have passed the position `min_pos`; at once if that is empty.

        `Rejection`: the asker may not know of the position, it is not in our history, or the projections do not reach it in time.
        """
        if not min_pos:
            return
        position = parse_position(min_pos)
        head = await self._log.head(UUID(position.room_uid))
        if head is None or head.log.app != app or (room and head.log.room != room):
            raise Rejection(Code.NOT_FOUND, "there is no such call", field="min_pos")
        if position.seq > head.seq:
            message, limit = f"the room has no event {position.seq}", f"0..{head.seq}"
            raise Rejection(Code.NOT_FOUND, message, field="min_pos", limit=limit)
        if not await has_position(self._log, head, position.seq, position.hash8):
            raise resync_needed(head, "min_pos")
        self._waiting += 1
        try:
            await self._wait(position)
        finally:
            self._waiting -= 1

    async def _wait(self, position: Position) -> None:
        loop = asyncio.get_running_loop()
        until, pause_s = loop.time() + self._wait_s, self._first_pause_s
        while True:
            row = await self._find_call(UUID(position.room_uid))
            if row is not None and row.seq >= position.seq:
                return
            if loop.time() + pause_s > until or self._waiting > self._most_waiting:
                raise _history_behind(row.seq if row is not None else 0)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _history_behind(seq: int) -> Rejection:
    return Rejection(
        Code.HISTORY_BEHIND, "history does not reach this position yet", field="min_pos", limit=f"0..{seq}",
        hint="ask again in a moment",
    )  # fmt: skip
