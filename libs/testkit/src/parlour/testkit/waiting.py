"""Waiting for a condition that another task or process makes true and that no event announces; where there is an event, wait for that."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

TIMEOUT_S = 20.0
"""Long for a busy machine; a condition that holds at once costs no time."""
POLL_S = 0.05
"""Below the rate at which services answer one reader (50 questions a second)."""
T = TypeVar("T")


@overload
async def eventually(
    condition: Callable[[], Awaitable[T | None]],
    what: str = "",
    *,
    timeout_s: float = TIMEOUT_S,
    poll_s: float = POLL_S,
) -> T: ...


@overload
async def eventually(
    condition: Callable[[], T | None], what: str = "", *, timeout_s: float = TIMEOUT_S, poll_s: float = POLL_S
) -> T: ...


async def eventually(
    condition: Callable[[], Any], what: str = "", *, timeout_s: float = TIMEOUT_S, poll_s: float = POLL_S
) -> Any:
    """Evaluates a condition, sync or async, until it is true, and returns its value.

    AssertionError that names `what` after `timeout_s` seconds.
    """
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            while True:
                found = condition()
                if inspect.isawaitable(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(poll_s)
    except TimeoutError:
        if not limit.expired():
            raise
        raise AssertionError(f"not within {timeout_s:g} s: {what or condition}") from None


def wait_until(
    condition: Callable[[], T | None], what: str, *, timeout_s: float = TIMEOUT_S, poll_s: float = POLL_S
) -> T:
    """As `eventually`, for a test without an event loop."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(poll_s)
    return found
