"""Puts the service together: the only place where adapters are chosen."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from parlour.kernel.decider import Aggregate
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.deciding.state_cache import StateCache
from parlour.runtime.process.connections import Connections, open_connections
from parlour.runtime.process.run import Service
from parlour.runtime.rate_limiter import RateLimiter

from .api.bus import SERVICE, serve
from .app.message_handler import MessageHandler
from .app.message_rates import MessageLimits, MessageRates
from .domain import messages
from .settings import ImSettings


@asynccontextmanager
async def build(settings: ImSettings) -> AsyncGenerator[Service]:
    """Connects to NATS and Postgres, and serves until the block ends."""
    async with open_connections(settings, SERVICE) as conns, assembled(settings, conns):
        yield Service(conns.metrics, conns.checks)


@asynccontextmanager
async def assembled(settings: ImSettings, conns: Connections) -> AsyncGenerator[None]:
    """The application on its connections; it takes commands until the block ends."""
    members = Aggregate(messages.AGGREGATE, messages.Members(), messages.evolve, messages.MEMBER_AGGREGATES)
    cache = StateCache(conns.log, conns.people, conns.committer, members)
    async with cache.follow_events(conns.bus):
        rates = MessageRates(msgspec.convert(settings, MessageLimits, from_attributes=True), RateLimiter())
        await serve(conns.bus, MessageHandler(cache, conns.people, SystemClock(), SystemIds(), rates))
        yield
