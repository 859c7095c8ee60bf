"""Puts the service together: the only place where adapters are chosen."""

import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.bans import INITIAL as NO_BANS
from parlour.kernel.bans import Bans
from parlour.kernel.bans import evolve as evolve_bans
from parlour.kernel.decider import Aggregate
from parlour.kernel.log import DueDeadline
from parlour.runtime.background.deadlines import DeadlineLoop
from parlour.runtime.background.leases import Lease, advisory
from parlour.runtime.background.reactor import Reactor
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.deciding.state_cache import StateCache
from parlour.runtime.process.connections import Connections, open_connections
from parlour.runtime.process.run import Service
from parlour.runtime.rate_limiter import RateLimiter

from .adapters.session_index import load_sessions
from .api.bus import SERVICE, serve
from .api.presence_feed import LoadSessions, PresenceFeed
from .app.bans import BanChecker, BanEnforcer
from .app.empty_room_closer import REACTOR, REACTS_TO, EmptyRoomCloser
from .app.room_handler import RoomHandler
from .app.room_rates import RoomRates
from .app.room_units import EMPTY, RoomDeadline, RoomDecider
from .app.session_expiry import SessionExpiry
from .domain import room as domain
from .domain.presence import PresenceTracker
from .settings import RoomSettings


@asynccontextmanager
async def build(settings: RoomSettings) -> AsyncGenerator[Service]:
    """Connects to NATS and Postgres, and serves until the block ends."""
    async with (
        open_connections(settings, SERVICE) as conns,
        assembled(settings, conns, lambda: load_sessions(conns.pool), advisory(settings.postgres_dsn)),
    ):
        yield Service(conns.metrics, conns.checks)


@asynccontextmanager
async def assembled(
    settings: RoomSettings, conns: Connections, sessions: LoadSessions, lease: Lease
) -> AsyncGenerator[None]:
    """The application on its connections; commands are taken once the reactor, the deadlines and the presence feed run."""
    async with AsyncExitStack() as stack:
        cache, app_bans = _room_states(conns), _app_bans(conns)
        await stack.enter_async_context(cache.follow_events(conns.bus))
        await stack.enter_async_context(app_bans.follow_events(conns.bus))
        clock, ids = SystemClock(), SystemIds()
        decider = RoomDecider(cache, clock, ids)
        presence = PresenceTracker(settings.presence_grace_s)
        expiry = SessionExpiry(
            decider, presence, time.monotonic, settings.heartbeat_window_s, settings.presence_grace_s
        )
        closer = EmptyRoomCloser(decider, settings.empty_delay_s)
        enforcer = BanEnforcer(conns.log, decider)

        async def react(view: EventView) -> None:
            await (enforcer.enforce(view) if view.type == ev.BanPlaced.TAG else closer.handle_event(view))

        async def handle_deadline(deadline: DueDeadline) -> None:
            due = msgspec.json.decode(deadline.body, type=RoomDeadline)
            await (closer if due.what == EMPTY else expiry).handle_deadline(deadline, due)

        types = REACTS_TO | {ev.BanPlaced.TAG}
        reactor = Reactor(REACTOR, conns.log, conns.people, conns.bus, react, types=types, lease=lease)
        feed = PresenceFeed(conns.bus, settings.instance, presence, expiry, sessions)
        deadlines = DeadlineLoop(SERVICE, conns.log, handle_deadline, conns.metrics)
        for background in (feed.running(), reactor.running(), deadlines.running()):
            await stack.enter_async_context(background)
        openings = settings.openings_per_user_per_min, settings.openings_per_app_per_s
        rates = RoomRates(RateLimiter(), *openings, settings.extra_info_per_s)
        bans, window_s = BanChecker(app_bans, conns.people, clock), settings.heartbeat_window_s
        await serve(conns.bus, RoomHandler(conns.log, conns.people, decider, rates, bans, window_s))
        yield


def _room_states(conns: Connections) -> StateCache[domain.State]:
    rooms = Aggregate(domain.AGGREGATE, domain.INITIAL, domain.evolve, (ev.StreamAdded.AGGREGATE,))
    return StateCache(conns.log, conns.people, conns.committer, rooms)


def _app_bans(conns: Connections) -> StateCache[Bans]:
    """The bans of apps, which `auth` decides."""
    bans = Aggregate(ev.BanPlaced.AGGREGATE, NO_BANS, evolve_bans)
    return StateCache(conns.log, conns.people, conns.committer, bans)
