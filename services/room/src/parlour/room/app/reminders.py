"""The service's deadlines, each to whom it belongs."""

import time

import msgspec

from parlour.kernel.log import DueDeadline

from .attendance import Attendance
from .consequences import EMPTY, Due
from .emptiness import Emptiness


class Reminders:
    """The deadline loop's handler."""

    def __init__(self, attendance: Attendance, emptiness: Emptiness) -> None:
        self._attendance = attendance
        self._emptiness = emptiness

    async def due(self, deadline: DueDeadline) -> None:
        """One deadline that has passed."""
        due = msgspec.json.decode(deadline.body, type=Due)
        if due.what == EMPTY:
            await self._emptiness.delay_over(deadline, due)
        else:
            await self._attendance.heartbeat_due(deadline, due, time.monotonic())
