"""Puts the service together: the only place where adapters are chosen."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from parlour.runtime.deciding.rooms import StateCache
from parlour.runtime.life.clock import SystemClock, SystemIds
from parlour.runtime.life.connections import Connections, connected
from parlour.runtime.life.process import Service
from parlour.runtime.rate_limiter import RateLimiter

from .api.bus import SERVICE, ImApi
from .app.message_handler import MessageHandler
from .app.message_rates import MessageLimits, MessageRates
from .domain import messages
from .settings import ImSettings


@asynccontextmanager
async def build(settings: ImSettings) -> AsyncGenerator[Service]:
    """Connects to NATS and Postgres, and serves until the block ends."""
    async with connected(settings, SERVICE) as to, assembled(settings, to):
        yield Service(to.metrics, to.checks)


@asynccontextmanager
async def assembled(settings: ImSettings, to: Connections) -> AsyncGenerator[None]:
    """The application on its connections; it takes commands until the block ends."""
    cache = StateCache(
        to.log, to.people, aggregate=messages.AGGREGATE, others=messages.MEMBER_AGGREGATES,
        initial=lambda key: messages.Members(), absent=messages.Members, evolve=messages.evolve,
    )  # fmt: skip
    async with cache.following(to.bus):
        rates = MessageRates(_limits(settings), RateLimiter())
        await ImApi(MessageHandler(cache, to.committer, to.people, SystemClock(), SystemIds(), rates)).serve(to.bus)
        yield


def _limits(settings: ImSettings) -> MessageLimits:
    return MessageLimits(
        settings.broadcast_room_per_s, settings.broadcast_user_per_s, settings.barrage_room_per_s,
        settings.command_one_per_s, settings.command_many_per_s,
    )  # fmt: skip
