"""Brings the core's events into the event loop: its eventfd wakes the loop, one batch at a time is handled."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from parlour.relay.app.ports import CoreEvent

BATCH = 256
_log = logging.getLogger(__name__)


class EventSource(Protocol):
    """The part of the core that speaks."""

    def event_fd(self) -> int: ...
    def poll_events(self, limit: int = 256) -> list[Any]: ...


class CoreEvents:
    """`async with`: while open, every event is handed to `handle`, in order."""

    def __init__(self, core: EventSource, handle: Callable[[Iterable[CoreEvent]], Awaitable[None]]) -> None:
        self._core = core
        self._handle = handle
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "CoreEvents":
        asyncio.get_running_loop().add_reader(self._core.event_fd(), self._ready.set)
        self._task = asyncio.create_task(self._run(), name="core events")
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._core.event_fd())
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            while events := self._core.poll_events(BATCH):
                try:
                    await self._handle(events)
                except Exception:
                    _log.exception("relay.event_fault", extra={"events": len(events)})
