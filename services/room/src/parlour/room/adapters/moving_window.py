"""Changes of extra information in an exact moving window of one second, in this process's memory: each replica counts for itself."""

from collections import OrderedDict

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection
from parlour.runtime.drafts import Call

REMEMBERED = 10_000
"""Command ids that were counted lately."""


class MovingWindow:
    """See `parlour.room.app.limits.Rates`."""

    def __init__(self, per_s: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerSecond(per_s)
        self._counted: OrderedDict[tuple[int, str], None] = OrderedDict()

    def admit(self, call: Call) -> None:
        """One more change in this room."""
        if (call.app, call.command_id) in self._counted:
            return
        if not self._limiter.hit(self._limit, str(call.app), call.room):
            message = "the room's extra information changes too often"
            limit = f"{self._limit.amount}/s"
            raise Rejection.of(
                Code.RATE_LIMITED,
                message,
                field="roomID",
                limit=limit,
                hint="wait for the answer before the next change",
            )
        self._counted[call.app, call.command_id] = None
        if len(self._counted) > REMEMBERED:
            self._counted.popitem(last=False)
