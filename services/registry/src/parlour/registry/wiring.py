"""Puts the service together: the only place where adapters are chosen."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour.contracts import events as ev
from parlour.runtime.background.deadlines import DeadlineLoop
from parlour.runtime.background.leases import Lease, advisory
from parlour.runtime.background.reactor import Reactor
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.deciding.state_cache import StateCache
from parlour.runtime.process.connections import Connections, open_connections
from parlour.runtime.process.run import Service
from parlour.runtime.rate_limiter import RateLimit, RateLimiter

from .adapters.live_rooms import PostgresLiveRooms
from .adapters.relays import BusRelayClient
from .api.bus import RegistryApi
from .app.leaver_reactor import REACTOR, REACTS_TO, LeaverReactor
from .app.loss_reconciler import LossReconciler
from .app.play_handler import PlayHandler
from .app.ports import LiveRooms
from .app.publish_handler import PublishHandler
from .app.resource_handler import ResourceHandler, publish_heartbeats
from .app.stream_units import StreamDecider
from .app.transport_loss import SERVICE, TransportLossHandler
from .app.transports import TransportController
from .domain import streams
from .domain.node_directory import NodeDirectory
from .settings import RegistrySettings


@asynccontextmanager
async def build(settings: RegistrySettings) -> AsyncIterator[Service]:
    """Connects to NATS and Postgres, and serves until the block ends."""
    async with (
        open_connections(settings, "registry") as conns,
        assembled(settings, conns, PostgresLiveRooms(conns.pool), advisory(settings.postgres_dsn)),
    ):
        yield Service(conns.metrics, conns.checks)


@asynccontextmanager
async def assembled(
    settings: RegistrySettings, conns: Connections, rooms: LiveRooms, lease: Lease
) -> AsyncIterator[None]:
    """The application on its connections; it takes commands until the block ends."""
    cache = StateCache(
        conns.log, conns.people, aggregate=streams.AGGREGATE, others=(ev.RoomOpened.AGGREGATE,),
        initial=lambda key: streams.INITIAL, absent=lambda: streams.INITIAL, evolve=streams.evolve,
    )  # fmt: skip
    clock, ids, now, chance = SystemClock(), SystemIds(), time.monotonic, random.Random()
    rates, mute_limit = RateLimiter(), RateLimit("mutes", settings.mutes_per_s)
    nodes, relays, decider = NodeDirectory(), BusRelayClient(conns.bus), StreamDecider(clock, ids)
    transports = TransportController(nodes, relays, now, chance)
    leavers = LeaverReactor(conns.log, conns.people, cache, conns.committer, decider, transports, ids)
    losses = TransportLossHandler(
        conns.log, cache, conns.committer, decider, nodes, relays, transports.notify, clock, now, ids,
        grace_s=settings.republish_grace_s,
    )  # fmt: skip
    api = RegistryApi(
        PublishHandler(cache, conns.committer, decider, transports, leavers, rates, mute_limit, ids),
        PlayHandler(cache, conns.committer, decider, transports),
        ResourceHandler(cache, conns.committer, decider, transports),
        losses,
    )
    reactor = Reactor(REACTOR, conns.log, conns.people, conns.bus, leavers.react, types=REACTS_TO, lease=lease)
    deadlines = DeadlineLoop(SERVICE, conns.log, losses.handle_deadline, conns.metrics)
    async with cache.follow_events(conns.bus), reactor.running(), deadlines.running(), asyncio.TaskGroup() as group:
        reconciler = LossReconciler(rooms, cache, nodes, losses, conns.bus.is_reachable, chance)
        heartbeats = publish_heartbeats(f"registry-{settings.instance}", nodes, relays.publish_presence)
        works = (losses.watch_silence(conns.bus.is_reachable), losses.run_steps(), reconciler.run(), heartbeats)
        background = [group.create_task(work) for work in works]
        await api.serve(conns.bus)
        yield
        for task in background:
            task.cancel()
