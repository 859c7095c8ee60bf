"""The rate limiter of the services: exact moving windows in this process's memory, so that each replica counts for itself.

Which rates there are, what they count and how a refusal reads is the policy of the application that asks.
"""

import msgspec
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from .cache import Cache
from .deciding.context import CommandContext

COUNTED_COMMANDS = 10_000
"""Command ids that are remembered, so that a repetition is not counted again."""


class RateLimit(msgspec.Struct, frozen=True):
    """At most `amount` of what `name` names in each second, or minute, of one key."""

    name: str
    amount: int
    per_minute: bool = False

    def __str__(self) -> str:
        """As a refusal shows it: `10/s` or `10/min`."""
        return f"{self.amount}/{'min' if self.per_minute else 's'}"


Rate = tuple[RateLimit, tuple[str, ...]]
"""A limit and the key that it counts for, for example an app and a user."""


class RateLimiter:
    """Counts commands against limits."""

    def __init__(self) -> None:
        self._windows = MovingWindowRateLimiter(MemoryStorage())
        self._counted = Cache[tuple[int, str], bool](COUNTED_COMMANDS)

    def hit(self, context: CommandContext, *rates: Rate) -> RateLimit | None:
        """Counts the command once for each rate and returns None; where one is reached, counts nothing and returns its limit.

        A command id of the app that was counted before is not counted again.
        """
        command = (context.app, context.command_id)
        if self._counted.get(command):
            return None
        items = [(_item(limit), key, limit) for limit, key in rates]
        for item, key, limit in items:
            if not self._windows.test(item, *key):
                return limit
        for item, key, _ in items:
            self._windows.hit(item, *key)
        self._counted.put(command, True)
        return None


def _item(limit: RateLimit) -> RateLimitItem:
    kind = RateLimitItemPerMinute if limit.per_minute else RateLimitItemPerSecond
    return kind(limit.amount, namespace=limit.name)
