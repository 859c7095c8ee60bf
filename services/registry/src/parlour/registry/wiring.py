"""Puts the service together: the only place where adapters are chosen."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour.contracts import events as ev
from parlour.kernel.decider import Aggregate
from parlour.runtime.background.deadlines import DeadlineLoop
from parlour.runtime.background.leases import Lease, advisory
from parlour.runtime.background.reactor import Reactor
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.deciding.state_cache import StateCache
from parlour.runtime.process.connections import Connections, open_connections
from parlour.runtime.process.run import Service
from parlour.runtime.rate_limiter import RateLimit, RateLimiter

from .adapters.live_rooms import load_live_rooms
from .adapters.relays import BusRelayClient
from .api.bus import SERVICE, serve
from .app.leaver_reactor import REACTOR, REACTS_TO, LeaverReactor
from .app.loss_reconciler import LossReconciler
from .app.play_handler import PlayHandler
from .app.ports import LoadLiveRooms
from .app.publish_handler import PublishHandler
from .app.resource_handler import ResourceHandler, publish_heartbeats
from .app.stream_units import StreamDecider
from .app.transport_loss import TransportLossHandler
from .app.transports import TransportController
from .domain import streams
from .domain.node_directory import NodeDirectory
from .settings import RegistrySettings


@asynccontextmanager
async def build(settings: RegistrySettings) -> AsyncIterator[Service]:
    """Connects to NATS and Postgres, and serves until the block ends."""
    async with (
        open_connections(settings, SERVICE) as conns,
        assembled(settings, conns, lambda: load_live_rooms(conns.pool), advisory(settings.postgres_dsn)),
    ):
        yield Service(conns.metrics, conns.checks)


@asynccontextmanager
async def assembled(
    settings: RegistrySettings, conns: Connections, load_rooms: LoadLiveRooms, lease: Lease
) -> AsyncIterator[None]:
    """The application on its connections; it takes commands until the block ends."""
    aggregate = Aggregate(streams.AGGREGATE, streams.INITIAL, streams.evolve, (ev.RoomOpened.AGGREGATE,))
    cache = StateCache(conns.log, conns.people, conns.committer, aggregate)
    now, chance = time.monotonic, random.Random()
    rates, mute_limit = RateLimiter(), RateLimit("mutes", settings.mutes_per_s)
    nodes, relays, decider = (
        NodeDirectory(),
        BusRelayClient(conns.bus),
        StreamDecider(cache, SystemClock(), SystemIds()),
    )
    transports = TransportController(nodes, relays, now, chance)
    leavers = LeaverReactor(conns.log, conns.people, decider, transports)
    losses = TransportLossHandler(
        conns.log, decider, nodes, relays, transports.notify, now, grace_s=settings.republish_grace_s
    )
    publishing = PublishHandler(decider, transports, leavers, rates, mute_limit)
    plays, resources = PlayHandler(decider, transports), ResourceHandler(decider, transports)
    reactor = Reactor(REACTOR, conns.log, conns.people, conns.bus, leavers.react, types=REACTS_TO, lease=lease)
    deadlines = DeadlineLoop(SERVICE, conns.log, losses.handle_deadline, conns.metrics)
    async with cache.follow_events(conns.bus), reactor.running(), deadlines.running(), asyncio.TaskGroup() as group:
        reconciler = LossReconciler(load_rooms, cache, nodes, losses, conns.bus.is_reachable, chance)
        heartbeats = publish_heartbeats(f"registry-{settings.instance}", nodes, relays.publish_presence)
        works = (losses.watch_silence(conns.bus.is_reachable), losses.run_steps(), reconciler.run(), heartbeats)
        background = [group.create_task(work) for work in works]
        await serve(conns.bus, publishing, plays, resources, losses)
        yield
        for task in background:
            task.cancel()
