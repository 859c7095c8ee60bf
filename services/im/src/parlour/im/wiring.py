"""Puts the service together: the only place where adapters are chosen."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from parlour.runtime.deciding.rooms import StateCache
from parlour.runtime.life.clock import SystemClock, SystemIds
from parlour.runtime.life.connections import Connections, connected
from parlour.runtime.life.process import Service

from .adapters.moving_windows import MovingWindows
from .api.bus import SERVICE, Commands
from .app.rates import Limits
from .app.sending import Sending
from .domain import messages
from .settings import ImSettings


@asynccontextmanager
async def build(settings: ImSettings) -> AsyncGenerator[Service]:
    """The running service."""
    async with connected(settings, SERVICE) as to, assembled(settings, to):
        yield Service(to.metrics, to.checks)


@asynccontextmanager
async def assembled(settings: ImSettings, to: Connections) -> AsyncGenerator[None]:
    """Everything above the connections."""
    cache = StateCache(
        to.log, to.people, aggregate=messages.AGGREGATE, others=messages.NEEDS,
        initial=lambda key: messages.Room(), absent=messages.Room, evolve=messages.evolve,
    )  # fmt: skip
    async with cache.following(to.bus):
        sending = Sending(cache, to.committer, to.people, SystemClock(), SystemIds(), MovingWindows(_limits(settings)))
        await Commands(sending).serve(to.bus)
        yield


def _limits(settings: ImSettings) -> Limits:
    return Limits(
        settings.broadcast_room_per_s, settings.broadcast_user_per_s, settings.barrage_room_per_s,
        settings.command_one_per_s, settings.command_many_per_s,
    )  # fmt: skip
