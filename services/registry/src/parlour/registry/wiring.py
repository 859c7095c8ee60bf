"""Puts the service together: the only place where adapters are chosen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parlour.contracts import events as ev
from parlour.runtime.background.deadlines import DeadlineLoop
from parlour.runtime.background.leases import Lease, advisory
from parlour.runtime.background.reactor import Reactor
from parlour.runtime.deciding.rooms import StateCache
from parlour.runtime.life.connections import Connections, connected
from parlour.runtime.life.process import Service
from parlour.runtime.moving_window import MovingWindow

from .adapters.live_rooms import LiveRooms
from .adapters.relays import BusRelays
from .api.bus import Commands
from .app import unnoticed
from .app.leaving import REACTOR, Leaving
from .app.losing import SERVICE, Losing
from .app.playing import Plays
from .app.publishing import Publishing
from .app.resources import Resources, keep_beating
from .app.transports import Transports
from .domain.nodes import Nodes
from .domain.state import Streams, evolve
from .settings import RegistrySettings

REACTS_TO = frozenset({ev.UserLeft.TAG, ev.UserKicked.TAG, ev.RoomClosed.TAG})


@asynccontextmanager
async def build(settings: RegistrySettings) -> AsyncIterator[Service]:
    """The running service."""
    async with (
        connected(settings, "registry") as to,
        assembled(settings, to, LiveRooms(to.pool), advisory(settings.postgres_dsn)),
    ):
        yield Service(to.metrics, to.checks)


@asynccontextmanager
async def assembled(
    settings: RegistrySettings, to: Connections, rooms: unnoticed.LiveRooms, lease: Lease
) -> AsyncIterator[None]:
    """Everything above the connections."""
    cache = StateCache(
        to.log,
        to.people,
        aggregate="streams",
        others=("room",),
        initial=lambda key: Streams(),
        absent=Streams,
        evolve=evolve,
    )
    nodes = Nodes()
    relays = BusRelays(to.bus)
    transports = Transports(nodes, relays)
    leaving = Leaving(to.log, to.people, cache, to.committer, transports)
    rates = MovingWindow(settings.mutes_per_s, "a stream's mutes change", "streamID")
    losing = Losing(to.log, cache, to.committer, nodes, relays, transports.news, settings.republish_grace_s)
    commands = Commands(
        Publishing(cache, to.committer, transports, leaving, rates), Plays(cache, to.committer, transports),
        Resources(cache, to.committer, transports), losing,
    )  # fmt: skip
    reactor = Reactor(REACTOR, to.log, to.people, to.bus, leaving.react, types=REACTS_TO, lease=lease)
    deadlines = DeadlineLoop(SERVICE, to.log, losing.due, to.metrics)
    async with cache.following(to.bus), reactor.running(), deadlines.running(), asyncio.TaskGroup() as group:
        looking = unnoticed.Unnoticed(rooms, cache, nodes, losing, to.bus.hears)
        beating = keep_beating(f"registry-{settings.instance}", nodes, relays.beat)
        works = (losing.watch(to.bus.hears), losing.work(), looking.run(), beating)
        background = [group.create_task(work) for work in works]
        await commands.serve(to.bus)
        yield
        for task in background:
            task.cancel()
