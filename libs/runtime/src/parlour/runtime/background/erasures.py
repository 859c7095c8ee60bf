"""Drops the keys of erased users from memory: at once by the event on NATS, and by a query every second, since NATS may lose the event.

States that have opened text are folded again, so that readers see the erasure within a second.
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
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers

POLL_S = 1.0
LOOKBACK_S = 600
"""How far back a query goes: longer than an unused key stays in memory."""
ERASURE_EVENTS = f"{subjects.PREFIX}.*.evt.*.{subjects.encode_id('')}.{UserErased.AGGREGATE}"

_view = msgspec.json.Decoder(EventView).decode


class KeyCache(Protocol):
    """Keeps keys in memory."""

    def forget(self, actors: frozenset[str]) -> None:
        """Drops the keys of erased users."""
        ...


@asynccontextmanager
async def watch_erasures(
    bus: Bus, keys: KeyCache, erased_within: Callable[[int], Awaitable[frozenset[str]]]
) -> AsyncGenerator[None]:
    """Runs until the block ends. `erased_within` returns the actors erased in the last so many seconds."""

    async def on_event(to: Address, payload: bytes, headers: Headers) -> None:
        view = _view(payload)
        if view.type == UserErased.TAG:
            keys.forget(frozenset({msgspec.json.decode(view.data, type=UserErased).actor}))

    async def poll() -> None:
        while True:
            with contextlib.suppress(LogUnavailable):
                keys.forget(await erased_within(LOOKBACK_S))
            await asyncio.sleep(POLL_S)

    await bus.subscribe(ERASURE_EVENTS, on_event)
    async with asyncio.TaskGroup() as group:
        polling = group.create_task(poll())
        yield
        polling.cancel()
