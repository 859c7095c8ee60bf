"""Rooms opened by a user in a minute and in an app in a second, in this process's memory: each replica counts for itself."""

from collections import OrderedDict

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.drafts import Call

REMEMBERED = 10_000
"""Command ids that were counted lately."""


class OpeningWindows:
    """Moving windows over the rooms that a user and an app open; the `OpeningRates` that the application asks for."""

    def __init__(self, *, user_per_min: int, app_per_s: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._user = RateLimitItemPerMinute(user_per_min, namespace="user")
        self._app = RateLimitItemPerSecond(app_per_s, namespace="app")
        self._counted: OrderedDict[tuple[int, str], None] = OrderedDict()

    def admit(self, call: Call, actor: str) -> None:
        """Counts one opening for the user and for the app, or for neither."""
        if (call.app, call.command_id) in self._counted:
            return
        app = str(call.app)
        if not self._limiter.test(self._user, app, actor):
            raise _too_many(self._user, "a user", "min")
        if not self._limiter.hit(self._app, app):
            raise _too_many(self._app, "an app", "s")
        self._limiter.hit(self._user, app, actor)
        self._counted[call.app, call.command_id] = None
        if len(self._counted) > REMEMBERED:
            self._counted.popitem(last=False)


def _too_many(limit: RateLimitItem, of: str, per: str) -> Rejection:
    return Rejection.of(
        Code.RATE_LIMITED, f"too many rooms opened by {of}", field="roomID", limit=f"{limit.amount}/{per}",
        hint="log in to a room that is open, or try again later",
    )  # fmt: skip
