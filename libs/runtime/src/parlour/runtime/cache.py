"""A bounded cache, whose entries may expire; and one question for all callers that ask it at the same time."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")


class Cache(Generic[K, V]):
    """Keeps the entries used last, each for at most `lifetime_s` after it was put. `limit` is the most that `weight` says of all of them
    together, by default their number.
    """

    def __init__(
        self, limit: int, lifetime_s: float = math.inf, clock: Callable[[], float] = time.monotonic,
        weight: Callable[[V], int] = lambda _value: 1,
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


class SingleFlight(Generic[K]):
    """Questions under way, by key. A caller that gives up does not end its question for the others."""

    def __init__(self) -> None:
        self._pending: dict[K, asyncio.Future[Any]] = {}

    async def run(self, key: K, ask: Callable[[], Awaitable[T]]) -> T:
        """Returns the answer to the key's question, which `ask` asks unless it is under way."""
        pending: asyncio.Future[T] | None = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = asyncio.ensure_future(ask())
            pending.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(pending)

    def forget(self) -> None:
        """Makes later callers ask anew; callers that wait already still get the answer to their question."""
        self._pending.clear()

    def _finish(self, key: K, done: "asyncio.Future[Any]") -> None:
        if self._pending.get(key) is done:
            del self._pending[key]
        if not done.cancelled():
            done.exception()  # whoever still waits raises it
