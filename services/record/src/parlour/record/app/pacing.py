"""Pauses of endless work: between its rounds, and before it is begun again when the log or NATS was away."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Never

from parlour.kernel.log import LogUnavailable

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
STEADY_S = 2 * LONGEST_PAUSE_S
"""Work that ran for so long is restarted after the first pause again."""


async def restart_forever(
    work: Callable[[], Awaitable[None]], failed: Callable[[Exception], None], chance: Callable[[], float]
) -> Never:
    """Calls `work` again whenever it returns or raises `LogUnavailable` or ConnectionError, which `failed` is told of.

    Pauses grow twofold and are shortened by up to a half by `chance` (0 … 1), so that replicas don't return in step. Other errors pass.
    A cancellation ends it even when `work` raises one of these errors instead, as a TaskGroup of Python 3.11 and 3.12 does that is
    cancelled while one of its tasks fails.
    """
    pause_s, now = FIRST_PAUSE_S, asyncio.get_running_loop().time
    task = asyncio.current_task()
    while True:
        began = now()
        try:
            await work()
        except (LogUnavailable, ConnectionError) as error:
            failed(error)
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from error
        pause_s = FIRST_PAUSE_S if now() - began > STEADY_S else min(LONGEST_PAUSE_S, pause_s * 2)
        await asyncio.sleep(pause_s * (0.5 + chance() / 2))


async def wait_at_most(event: asyncio.Event, timeout_s: float) -> None:
    """Returns when the event is set or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
