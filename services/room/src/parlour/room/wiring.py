"""Puts the service together: the only place where adapters are chosen."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.bans import INITIAL as NO_BANS
from parlour.kernel.bans import Bans
from parlour.kernel.bans import evolve as evolve_bans
from parlour.runtime.background.deadlines import DeadlineLoop
from parlour.runtime.background.leases import Lease, advisory
from parlour.runtime.background.reactor import Reactor
from parlour.runtime.deciding.rooms import StateCache
from parlour.runtime.life.clock import SystemClock, SystemIds
from parlour.runtime.life.connections import Connections, connected
from parlour.runtime.life.process import Service
from parlour.runtime.moving_window import MovingWindow

from .adapters.opening_rates import OpeningWindows
from .adapters.sessions import Sessions
from .api.bus import SERVICE, Commands
from .api.presence import AllSessions, PresenceFeed
from .app.attendance import Attendance
from .app.bans import BanEnforcement, BanWatch
from .app.drafting import Drafting
from .app.emptiness import CAUSES, REACTOR, Emptiness
from .app.reminders import Reminders
from .app.rooms import Rooms
from .domain import room as domain
from .domain.presence import Presence
from .settings import RoomSettings


@asynccontextmanager
async def build(settings: RoomSettings) -> AsyncGenerator[Service]:
    """The running service."""
    async with (
        connected(settings, SERVICE) as to,
        assembled(settings, to, Sessions(to.pool), advisory(settings.postgres_dsn)),
    ):
        yield Service(to.metrics, to.checks)


@asynccontextmanager
async def assembled(
    settings: RoomSettings, to: Connections, sessions: AllSessions, lease: Lease
) -> AsyncGenerator[None]:
    """Everything above the connections; commands are taken once all that follows from them is at work."""
    async with AsyncExitStack() as stack:
        cache = _states(to)
        await stack.enter_async_context(cache.following(to.bus))
        clock, ids = SystemClock(), SystemIds()
        drafting = Drafting(clock, ids)
        presence = Presence(settings.presence_grace_s)
        attendance = Attendance(
            cache, to.committer, drafting, presence, clock, ids,
            window_s=settings.heartbeat_window_s, grace_s=settings.presence_grace_s,
        )  # fmt: skip
        emptiness = Emptiness(cache, to.committer, drafting, clock, delay_s=settings.empty_delay_s)
        bans = BanEnforcement(to.log, cache, to.committer, drafting)

        async def react(view: EventView) -> None:
            await (bans.placed(view) if view.type == ev.BanPlaced.TAG else emptiness.something_went(view))

        reactor = Reactor(
            REACTOR, to.log, to.people, to.bus, react, types=CAUSES | {ev.BanPlaced.TAG}, lease=lease,
        )  # fmt: skip
        feed = PresenceFeed(to.bus, settings.instance, presence, attendance, sessions)
        await stack.enter_async_context(feed.running())
        await stack.enter_async_context(reactor.running())
        await stack.enter_async_context(
            DeadlineLoop(SERVICE, to.log, Reminders(attendance, emptiness).due, to.metrics).running()
        )
        rates = MovingWindow(settings.extra_info_per_s, "the room's extra information changes", "roomID")
        openings = OpeningWindows(
            user_per_min=settings.openings_per_user_per_min, app_per_s=settings.openings_per_app_per_s
        )
        banned = _bans(to)
        await stack.enter_async_context(banned.following(to.bus))
        watch = BanWatch(banned, to.people, clock)
        await Commands(Rooms(to.log, to.people, cache, to.committer, drafting, rates, openings, watch)).serve(to.bus)
        yield


def _states(to: Connections) -> StateCache[domain.State]:
    """The states that rooms are decided on."""
    return StateCache(
        to.log,
        to.people,
        aggregate=domain.AGGREGATE,
        initial=lambda key: domain.INITIAL,
        absent=lambda: domain.INITIAL,
        evolve=domain.evolve,
        others=(ev.StreamAdded.AGGREGATE,),
    )


def _bans(to: Connections) -> StateCache[Bans]:
    """The bans of apps, which `auth` decides."""
    return StateCache(
        to.log, to.people, aggregate=ev.BanPlaced.AGGREGATE, initial=lambda key: NO_BANS, absent=lambda: NO_BANS,
        evolve=evolve_bans,
    )  # fmt: skip
