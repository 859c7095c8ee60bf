"""How often rooms may be opened, and how often their extra information may change."""

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.rate_limiter import RateLimit, RateLimiter


class RoomRates:
    """Applies the limits: rooms that one user opens in a minute and one app in a second, changes of a room's extra information in a second.

    Each replica counts for itself. A repeated command id is not counted again.
    """

    def __init__(self, limiter: RateLimiter, user_openings: int, app_openings: int, extra_info: int) -> None:
        self._limiter = limiter
        self._user_openings = RateLimit("a user", user_openings, per_minute=True)
        self._app_openings = RateLimit("an app", app_openings)
        self._extra_info = RateLimit("extra information", extra_info)

    def admit_opening(self, context: CommandContext, actor: str) -> None:
        """Counts one room that the actor opens, or raises the `Rejection` that names the limit: every call stays in the database."""
        app = str(context.app)
        limit = self._limiter.hit(context, (self._user_openings, (app, actor)), (self._app_openings, (app,)))
        if limit is not None:
            raise Rejection(
                Code.RATE_LIMITED, f"too many rooms opened by {limit.name}", field="roomID", limit=str(limit),
                hint="log in to a room that is open, or try again later",
            )  # fmt: skip

    def admit_extra_info(self, context: CommandContext) -> None:
        """Counts one change of the room's extra information, or raises the `Rejection` that names the limit."""
        if self._limiter.hit(context, (self._extra_info, (str(context.app), context.room))):
            raise Rejection(
                Code.RATE_LIMITED, "the room's extra information changes too often", field="roomID",
                limit=str(self._extra_info), hint="wait for the answer before the next change",
            )  # fmt: skip
