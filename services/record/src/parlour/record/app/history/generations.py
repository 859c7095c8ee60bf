"""Which generation of the projections answers, and the life of the others.

There is one that answers (the active one). A rebuild begins the next beside it, both are kept behind the log, and when the new one has
everything it becomes active and the old one is dropped. A killed rebuild goes on where its cursors stand. Where the code's rows mean
something else than the active generation's (`VERSION`), a rebuild begins by itself.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from parlour.contracts.history import Generation
from parlour.record.domain.projections import VERSION

from .projector import CursorConflict, Projector

KEPT_S = 5.0
"""How long a generation that answers no more stays for queries under way."""
LOOK_S = 1.0
"""How often the list of generations is read."""


class GenerationStore(Protocol):
    """The generations' own table. Every method may raise `LogUnavailable`."""

    async def all(self) -> tuple[Generation, ...]:
        """Oldest first."""
        ...

    async def begin(self, version: int) -> int:
        """The number of a new one, or of the one that is being built."""
        ...

    async def activate(self, number: int) -> None:
        """Queries are answered by it from now on."""
        ...

    async def drop(self, number: int) -> None:
        """Removes one that is not active."""
        ...


class ProjectionRunner:
    """`run` is endless: it keeps every generation behind the log."""

    def __init__(
        self,
        generations: GenerationStore,
        projector: Callable[[int], Projector],
        told: Callable[[int, int], None],
        *,
        poll_s: float,
    ) -> None:
        self._generations = generations
        self._projector = projector
        self._told = told
        """Hears (generation, events) of each batch."""
        self._poll_s = poll_s
        self._projectors: dict[int, Projector] = {}
        self._looked_at = 0.0
        self._all: tuple[Generation, ...] = ()
        self._retired: dict[int, float] = {}

    async def prepare(self) -> None:
        """Makes the first generation, where there is none: it answers while it is being built."""
        if not any(one.active for one in await self._generations.all()):
            await self._generations.activate(await self._generations.begin(VERSION))

    async def run(self) -> None:
        """Follows the log for ever; raises `LogUnavailable`, and may then be called again."""
        self._projectors.clear()
        self._looked_at = 0.0
        while True:
            if await self._round() == 0:
                await asyncio.sleep(self._poll_s)

    async def _round(self) -> int:
        if time.monotonic() - self._looked_at >= LOOK_S:
            await self._look()
        moved = 0
        for one in self._all:
            if one.active or one.number > self._answering():
                moved += await self._step(one)
        return moved

    async def _step(self, one: Generation) -> int:
        projector = self._projectors.get(one.number)
        if projector is None:
            projector = self._projectors[one.number] = self._projector(one.number)
        try:
            moved = await projector.step()
        except CursorConflict:
            self._looked_at = 0.0
            return 0
        self._told(one.number, moved)
        if moved == 0 and not one.active:
            await self._generations.activate(one.number)
            self._looked_at = 0.0
        return moved

    async def _look(self) -> None:
        self._looked_at = time.monotonic()
        self._all = await self._generations.all()
        answering = self._answering()
        if not any(one.version == VERSION for one in self._all if one.number >= answering):
            await self._generations.begin(VERSION)
            self._all = await self._generations.all()
        await self._drop_old()

    def _answering(self) -> int:
        return next((one.number for one in self._all if one.active), 0)

    async def _drop_old(self) -> None:
        now = time.monotonic()
        for one in self._all:
            if one.number < self._answering() and now - self._retired.setdefault(one.number, now) >= KEPT_S:
                await self._generations.drop(one.number)
                self._projectors.pop(one.number, None)
                del self._retired[one.number]
