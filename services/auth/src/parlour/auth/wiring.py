"""Puts the service together: the only place where adapters are chosen."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from parlour.kernel.bans import INITIAL as NO_BANS
from parlour.kernel.bans import Bans
from parlour.kernel.log import LogUnavailable
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.deciding.state_cache import StateCache
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.process.connections import Connections, open_connections
from parlour.runtime.process.run import Service
from parlour.runtime.signing.nats_keys import Issuer

from .adapters.postgres_person_keys import PostgresPersonKeys
from .adapters.postgres_vault import PostgresVault
from .adapters.system_nats import system_account
from .api.bus import SERVICE, AuthApi
from .api.callout import AuthCallout
from .app.app_handler import AppHandler
from .app.app_units import AppDecider
from .app.ban_handler import BanHandler
from .app.login_key_handler import LoginKeyHandler
from .app.login_token_handler import LoginTokenHandler
from .app.nats_reader_sessions import NatsReaderSessions
from .app.privacy_handler import PrivacyHandler
from .app.refusal_counter import RefusalCounter
from .app.subscription_token_handler import SubscriptionTokenHandler
from .domain import application, bans, privacy
from .settings import AuthSettings


@asynccontextmanager
async def build(settings: AuthSettings) -> AsyncGenerator[Service]:
    """Connects to NATS and Postgres, and serves until the block ends."""
    async with AsyncExitStack() as stack:
        conns = await stack.enter_async_context(open_connections(settings, SERVICE))
        app_states, privacy_states, ban_states = _app_states(conns), _privacy_states(conns), _ban_states(conns)
        for cache in (app_states, privacy_states, ban_states):
            await stack.enter_async_context(cache.follow_events(conns.bus))
        clock, ids = SystemClock(), SystemIds()
        decider = AppDecider(clock, ids)
        vault = PostgresVault(conns.pool, settings.master_key)
        refusals = RefusalCounter(conns.metrics, time.monotonic)
        tokens = LoginTokenHandler(
            app_states, conns.committer, decider, conns.people, vault, clock, refusals, settings.limits()
        )
        subscriptions = SubscriptionTokenHandler(
            app_states, conns.committer, decider, conns.people, vault, clock, refusals, leeway_s=settings.clock_leeway_s
        )
        person_keys = PostgresPersonKeys(conns.pool)
        erasures = PrivacyHandler(privacy_states, conns.committer, conns.people, person_keys, vault, clock, ids)
        apps = AppHandler(app_states, conns.committer, decider, vault, clock, lambda: secrets.token_hex(16))
        login_keys = LoginKeyHandler(app_states, conns.committer, decider)
        ban_handler = BanHandler(ban_states, conns.committer, conns.people, clock, ids)
        await AuthApi(tokens, apps, login_keys, subscriptions, erasures, ban_handler).serve(conns.bus)
        if settings.callout:
            await stack.enter_async_context(nats_readers(settings, conns.bus, subscriptions))
        async with asyncio.TaskGroup() as group:
            sweeping = group.create_task(erasures.sweep())
            yield Service(conns.metrics, conns.checks)
            sweeping.cancel()


def _app_states(conns: Connections) -> StateCache[application.State]:
    return StateCache(
        conns.log, conns.people, aggregate=application.AGGREGATE, initial=lambda key: application.INITIAL,
        absent=lambda: application.INITIAL, evolve=application.evolve,
    )  # fmt: skip


def _privacy_states(conns: Connections) -> StateCache[privacy.State]:
    return StateCache(
        conns.log, conns.people, aggregate=privacy.AGGREGATE, initial=lambda key: privacy.INITIAL,
        absent=lambda: privacy.INITIAL, evolve=privacy.evolve,
    )  # fmt: skip


def _ban_states(conns: Connections) -> StateCache[Bans]:
    return StateCache(
        conns.log, conns.people, aggregate=bans.AGGREGATE, initial=lambda key: NO_BANS, absent=lambda: NO_BANS,
        evolve=bans.evolve,
    )  # fmt: skip


@asynccontextmanager
async def nats_readers(
    settings: AuthSettings, bus: Bus, subscriptions: SubscriptionTokenHandler
) -> AsyncGenerator[None]:
    """Answers NATS about outside readers while the block runs."""
    async with AsyncExitStack() as stack:
        account = None
        if settings.nats_system_url:
            account = await stack.enter_async_context(system_account(settings.nats_system_url))
        issuer = Issuer(settings.master_key)
        readers = NatsReaderSessions(subscriptions, issuer, SystemClock(), account, settings.readers())
        await AuthCallout(readers).serve(bus)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_run_readers(bus, readers))
            yield
            watch.cancel()


async def _run_readers(bus: Bus, readers: NatsReaderSessions) -> None:
    while True:
        try:
            await readers.run()
        except LogUnavailable:
            await asyncio.sleep(1.0)
        except Exception as error:
            bus.report_fault("NATS readers", error)
            await asyncio.sleep(1.0)
