"""A bounded cache with entries that expire."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Keeps the `limit` entries used last, each for at most `lifetime_s` after it was put."""

    def __init__(self, limit: int, lifetime_s: float, clock: Callable[[], float] = time.monotonic) -> None:
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
            del self._entries[key]
        if left_s < for_s:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Adds or renews an entry; the least recently used one is dropped if there are too many."""
        self._entries[key] = (self._clock() + self._lifetime_s, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def drop_where(self, gone: Callable[[V], bool]) -> None:
        """Drops all entries with such a value, in a walk over the whole cache."""
        for key in [key for key, (_, value) in self._entries.items() if gone(value)]:
            del self._entries[key]

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)
