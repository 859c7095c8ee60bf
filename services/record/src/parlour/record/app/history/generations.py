"""Runs the generations of the projections and decides which one answers.

The active generation answers. A rebuild begins the next one beside it; both follow the log, and when the new one has every event it
becomes active and the old one is dropped. An interrupted rebuild goes on where its cursors stand. A rebuild begins by itself when the
code's rows mean something else than the active generation's (`VERSION`).
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from parlour.contracts.history import Generation
from parlour.record.domain.projections import VERSION

from .projector import CursorConflict, Projector

RETIRED_FOR_S = 5.0
"""How long a generation stays after it was replaced, for queries under way."""
LIST_EVERY_S = 1.0
"""How often the list of generations is read."""


class GenerationStore(Protocol):
    """The table of generations. Methods may raise `LogUnavailable`."""

    async def all(self) -> tuple[Generation, ...]:
        """Returns all generations, oldest first."""
        ...

    async def begin(self, version: int) -> int:
        """Begins a generation, unless one is being built already, and returns its number."""
        ...

    async def activate(self, number: int) -> None:
        """Makes it the generation that answers."""
        ...

    async def drop(self, number: int) -> None:
        """Drops one that is not active."""
        ...


class ProjectionRunner:
    """Keeps every generation up to date with the log. The replica that leads history calls `run`."""

    def __init__(
        self, generations: GenerationStore, make_projector: Callable[[int], Projector], count: Callable[[int], None],
        *, poll_s: float,
    ) -> None:  # fmt: skip
        self._generations = generations
        self._make_projector = make_projector
        self._count = count
        """Called with the number of events of each batch."""
        self._poll_s = poll_s
        self._projectors: dict[int, Projector] = {}
        self._all: tuple[Generation, ...] = ()
        self._list_at = 0.0
        """When the list is read again, by the event loop's clock."""
        self._retired_at: dict[int, float] = {}
        self.lag = 0
        """Events that the generation which answers lacked at its last step; 0 where another replica leads."""

    async def prepare(self) -> None:
        """Begins and activates a generation where there is none: it answers while it is being built."""
        if not any(one.active for one in await self._generations.all()):
            await self._generations.activate(await self._generations.begin(VERSION))

    async def run(self) -> None:
        """Follows the log; never returns. May be called again after it raised `LogUnavailable`."""
        self._projectors.clear()
        self._list_at = 0.0
        while True:
            if await self._step_all() == 0:
                await asyncio.sleep(self._poll_s)

    async def _step_all(self) -> int:
        if asyncio.get_running_loop().time() >= self._list_at:
            await self._read_list()
        moved = 0
        for one in self._all:
            if one.active or one.number > self._active_number():
                moved += await self._step(one)
        return moved

    async def _step(self, one: Generation) -> int:
        projector = self._projectors.get(one.number)
        if projector is None:
            projector = self._projectors[one.number] = self._make_projector(one.number)
        try:
            moved = await projector.step()
        except CursorConflict:
            self._list_at = 0.0
            return 0
        self._count(moved)
        if one.active:
            self.lag = projector.lag - moved
        if moved == 0 and not one.active:
            await self._generations.activate(one.number)
            self._list_at = 0.0
        return moved

    async def _read_list(self) -> None:
        self._list_at = asyncio.get_running_loop().time() + LIST_EVERY_S
        self._all = await self._generations.all()
        active = self._active_number()
        if not any(one.version == VERSION for one in self._all if one.number >= active):
            await self._generations.begin(VERSION)
            self._all = await self._generations.all()
        await self._drop_retired()

    def _active_number(self) -> int:
        return next((one.number for one in self._all if one.active), 0)

    async def _drop_retired(self) -> None:
        now, active = asyncio.get_running_loop().time(), self._active_number()
        for number in [one.number for one in self._all if one.number < active]:
            if now >= self._retired_at.setdefault(number, now) + RETIRED_FOR_S:
                await self._generations.drop(number)
                self._projectors.pop(number, None)
                del self._retired_at[number]
