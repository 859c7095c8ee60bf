"""A bounded cache, whose entries may expire."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _one(_value: object) -> int:
    return 1


class Cache(Generic[K, V]):
    """Keeps the entries used last, each for at most `lifetime_s` after it was put. `limit` is the most that `weight` says of all of them
    together, by default their number.
    """

    def __init__(
        self, limit: int, lifetime_s: float = math.inf, clock: Callable[[], float] = time.monotonic,
        weight: Callable[[V], int] = _one,
    ) -> None:  # fmt: skip
        self.weight = 0
        """What all entries weigh."""
        self._weight_of = weight
        self._limit = limit
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K, for_s: float = 0.0) -> V | None:
        """Returns the entry; None if there is none, or if it expires within `for_s`."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        left_s = entry[0] - self._clock()
        if left_s < 0:
            self.drop(key)
        if left_s < for_s:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Adds or renews an entry; the least recently used ones are dropped if there are too many."""
        self.drop(key)
        self._entries[key] = (self._clock() + self._lifetime_s, value)
        self.weight += self._weight_of(value)
        while self.weight > self._limit:
            self.drop(next(iter(self._entries)))

    def drop_where(self, gone: Callable[[V], bool]) -> None:
        """Drops all entries with such a value, in a walk over the whole cache."""
        for key in [key for key, (_, value) in self._entries.items() if gone(value)]:
            self.drop(key)

    def drop(self, key: K) -> None:
        """Drops the entry of a key, if it has one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.weight -= self._weight_of(entry[1])

    def clear(self) -> None:
        """Drops the entries of all keys."""
        self._entries.clear()
        self.weight = 0
