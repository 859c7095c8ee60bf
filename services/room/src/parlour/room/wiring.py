"""Puts the service together: the only place where adapters are chosen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.connections import Connections, connected
from parlour.runtime.process import Service
from parlour.runtime.rooms import StateCache

from .api.bus import Commands
from .app.drafting import Drafting
from .app.rooms import Rooms
from .domain import room as domain
from .settings import RoomSettings


@asynccontextmanager
async def build(settings: RoomSettings) -> AsyncIterator[Service]:
    """The running service."""
    async with connected(settings, "room") as to:
        cache = rooms_in_memory(to)
        rooms = Rooms(to.log, to.people, cache, to.committer, Drafting(SystemClock(), SystemIds()))
        async with cache.following(to.bus):
            await Commands(rooms).serve(to.bus)
            yield Service(to.metrics, to.checks)


def rooms_in_memory(to: Connections) -> StateCache[domain.State]:
    """The states that rooms are decided on."""
    return StateCache(
        to.log, to.people, aggregate=domain.AGGREGATE, initial=lambda key: domain.INITIAL, absent=lambda: domain.INITIAL, evolve=domain.evolve
    )
