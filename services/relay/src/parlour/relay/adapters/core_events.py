"""Brings the core's events into the event loop: its eventfd wakes the loop, one event at a time is handled."""

import asyncio
from collections.abc import Awaitable, Callable

from parlour.media_core import Core
from parlour.relay.app.ports import CoreEvent
from parlour.runtime.telemetry.logging import logger

BATCH = 256
log = logger(__name__)


class CoreEvents:
    """`async with`: while open, every event is handed to `handle`, in order."""

    def __init__(self, core: Core, handle: Callable[[CoreEvent], Awaitable[None]]) -> None:
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
                for event in events:
                    await self._handle_one(event)

    async def _handle_one(self, event: CoreEvent) -> None:
        """A fault in one event must not take the others along."""
        try:
            await self._handle(event)
        except Exception as error:
            log.error("core_event_fault", kind=event[0], error=repr(error), exc_info=error)
