"""One question for all callers that ask it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


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
