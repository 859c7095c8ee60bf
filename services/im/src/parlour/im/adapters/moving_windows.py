"""Rates as exact moving windows of one second, in this process's memory: each replica counts for itself."""

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from parlour.contracts.codes import Code
from parlour.im.app.rates import Limits
from parlour.im.domain.messages import Barrage, Broadcast, Message, Signal
from parlour.kernel.rejection import Rejection


class MovingWindows:
    """See `parlour.im.app.rates.Rates`."""

    def __init__(self, limits: Limits) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._broadcast_room = RateLimitItemPerSecond(limits.broadcast_room, namespace="broadcast/room")
        self._broadcast_user = RateLimitItemPerSecond(limits.broadcast_user, namespace="broadcast/user")
        self._barrage_room = RateLimitItemPerSecond(limits.barrage_room, namespace="barrage/room")
        self._command_one = RateLimitItemPerSecond(limits.command_one, namespace="command/one")
        self._command_many = RateLimitItemPerSecond(limits.command_many, namespace="command/many")

    def admit(self, app: int, room: str, actor: str, message: Message) -> None:
        """Counts in all windows that apply, or in none."""
        windows = self._windows(str(app), room, actor, message)
        for limit, key in windows:
            if not self._limiter.test(limit, *key):
                raise _too_fast(limit)
        for limit, key in windows:
            self._limiter.hit(limit, *key)

    def _windows(
        self, app: str, room: str, actor: str, message: Message
    ) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        match message:
            case Broadcast():
                return [(self._broadcast_user, (app, room, actor)), (self._broadcast_room, (app, room))]
            case Barrage():
                return [(self._barrage_room, (app, room))]
            case Signal(to=to):
                return [(self._command_one if to is not None and len(to) == 1 else self._command_many, (app, room))]


def _too_fast(limit: RateLimitItem) -> Rejection:
    scope = {"user": "of one user", "one": "to one user", "many": "to several users"}.get(
        limit.namespace.rpartition("/")[2], "in a room"
    )
    kind = limit.namespace.partition("/")[0]
    return Rejection.of(
        Code.MESSAGE_RATE,
        f"too many {kind} messages {scope}",
        field="message",
        limit=f"{limit.amount}/s",
        hint="try again in a second",
    )
