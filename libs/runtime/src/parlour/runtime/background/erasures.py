"""Hears of erased people: by the event on NATS at once, and by a look into the database every second, since NATS may lose it.

Keys leave memory, and what was opened with them is folded anew: readers see the person erased within a second of the erasure.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from parlour.contracts import subjects
from parlour.contracts.envelope import EventView
from parlour.contracts.events import UserErased
from parlour.kernel.log import LogUnavailable
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Headers

LOOK_S = 1.0
BACK_S = 600
"""How far back a look goes: longer than a database may be away before keys have left memory by themselves."""
NOTICES = f"{subjects.PREFIX}.*.evt.*.{subjects.encode_id('')}.{UserErased.AGGREGATE}"

_view = msgspec.json.Decoder(EventView).decode


class Forgets(Protocol):
    """What keeps keys in memory."""

    def forget(self, actors: frozenset[str]) -> None:
        """These are erased."""
        ...


@asynccontextmanager
async def heeded(bus: Bus, people: Forgets, lately: Callable[[int], Awaitable[frozenset[str]]]) -> AsyncGenerator[None]:
    """While the block runs. `lately` gives who was erased in the last so many seconds."""

    async def heard(to: Address, payload: bytes, headers: Headers) -> None:
        view = _view(payload)
        if view.type == UserErased.TAG:
            people.forget(frozenset({msgspec.json.decode(view.data, type=UserErased).actor}))

    async def look() -> None:
        while True:
            with contextlib.suppress(LogUnavailable):
                people.forget(await lately(BACK_S))
            await asyncio.sleep(LOOK_S)

    await bus.subscribe(NOTICES, heard)
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look())
        yield
        looking.cancel()
