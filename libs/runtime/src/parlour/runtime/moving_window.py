"""Changes in an exact moving window of one second, in this process's memory: each replica counts for itself."""

from collections import OrderedDict

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection

from .deciding.drafts import Call

REMEMBERED = 10_000
"""Command ids that were counted lately."""


class MovingWindow:
    """How often something of a room may change. `what` completes "… too often", `field` is the one that the refusal names."""

    def __init__(self, per_s: int, what: str, field: str) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerSecond(per_s)
        self._what = what
        self._field = field
        self._counted: OrderedDict[tuple[int, str], None] = OrderedDict()

    def admit(self, call: Call, *names: str) -> None:
        """Counts one change of what `names` say within the room, or raises the Rejection. A repetition is not counted again."""
        if (call.app, call.command_id) in self._counted:
            return
        if not self._limiter.hit(self._limit, str(call.app), call.room, *names):
            raise Rejection.of(
                Code.RATE_LIMITED,
                f"{self._what} too often",
                field=self._field,
                limit=f"{self._limit.amount}/s",
                hint="wait for the answer before the next change",
            )
        self._counted[call.app, call.command_id] = None
        if len(self._counted) > REMEMBERED:
            self._counted.popitem(last=False)
