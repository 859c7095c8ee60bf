"""The one way in which services retry: how long to pause between attempts, and how long to go on."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import msgspec

T = TypeVar("T")


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Returns when the event is set, or after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class RetryPolicy(msgspec.Struct, frozen=True):
    """Exponential backoff: a pause of `first_s` after the first failed attempt, doubled after each further one up to `max_s`.

    A random part of up to half of each pause is left out, so that replicas that failed together do not retry together. The policy has no
    end of its own: use `retry`, or loop over `pauses`:

        for pause_s in RetryPolicy(max_s=5.0).pauses():
            try:
                return await attempt()
            except Unavailable:
                await asyncio.sleep(pause_s)
    """

    first_s: float = 0.05
    max_s: float = 1.0

    def pause_s(self, failed: int) -> float:
        """Returns the seconds to wait after so many failed attempts, at least one."""
        return min(self.max_s, self.first_s * 2 ** min(failed - 1, 30)) * random.uniform(0.5, 1.0)

    def pauses(self) -> Iterator[float]:
        """Yields the pause after each failed attempt, without end."""
        return (self.pause_s(failed) for failed in itertools.count(1))

    async def retry(self, attempt: Callable[[], Awaitable[T]], on: type[Exception], within_s: float) -> T:
        """Calls `attempt` until it succeeds; raises its error of type `on` if the next pause would end later than `within_s` from now."""
        deadline = time.monotonic() + within_s
        pauses = self.pauses()
        while True:
            try:
                return await attempt()
            except on:
                pause_s = next(pauses)
                if time.monotonic() + pause_s >= deadline:
                    raise
            await asyncio.sleep(pause_s)
