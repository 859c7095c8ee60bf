"""Puts the service together: the only place where adapters are chosen."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from parlour.kernel.bans import Bans
from parlour.kernel.log import LogUnavailable
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.process.connections import open_connections
from parlour.runtime.process.run import Service
from parlour.runtime.signing.nats_keys import Issuer

from .adapters.postgres_person_keys import PostgresPersonKeys
from .adapters.postgres_vault import PostgresVault
from .adapters.system_nats import NatsSystemAccount
from .api.bus import SERVICE, serve
from .api.callout import AuthCallout
from .app.app_handler import AppHandler
from .app.app_log import AppAggregate
from .app.ban_handler import BanHandler
from .app.login_token_handler import LoginTokenHandler
from .app.nats_reader_sessions import NatsReaderSessions
from .app.privacy_handler import PrivacyHandler
from .app.refusal_counter import RefusalCounter
from .app.subscription_token_handler import SubscriptionTokenHandler
from .domain import application, bans, privacy
from .domain.application import AppCommand
from .domain.bans import BanCommand
from .domain.privacy import PrivacyCommand
from .settings import AuthSettings


@asynccontextmanager
async def build(settings: AuthSettings) -> AsyncGenerator[Service]:
    """Connects to NATS and Postgres, and serves until the block ends."""
    async with AsyncExitStack() as stack:
        conns = await stack.enter_async_context(open_connections(settings, SERVICE))
        clock, ids = SystemClock(), SystemIds()
        common = (conns.log, conns.people, conns.committer, clock, ids)
        apps = AppAggregate[application.State, AppCommand](*common, application.AGGREGATE, application.decide)
        privacies = AppAggregate[privacy.State, PrivacyCommand](*common, privacy.AGGREGATE, privacy.decide)
        banned = AppAggregate[Bans, BanCommand](*common, bans.AGGREGATE, bans.decide)
        for aggregate in (apps, privacies, banned):
            await stack.enter_async_context(aggregate.states.follow_events(conns.bus))
        vault = PostgresVault(conns.pool, settings.master_key)
        refusals = RefusalCounter(conns.metrics, time.monotonic)
        issuing = (apps, conns.people, vault, clock, refusals, settings.limits())
        tokens, subscriptions = LoginTokenHandler(*issuing), SubscriptionTokenHandler(*issuing)
        erasures = PrivacyHandler(privacies, conns.people, PostgresPersonKeys(conns.pool), vault, ids)
        app_handler = AppHandler(apps, vault, clock, lambda: secrets.token_hex(16))
        ban_handler = BanHandler(banned, conns.people, clock)
        await serve(conns.bus, tokens, app_handler, subscriptions, erasures, ban_handler)
        readers = None
        if settings.callout:
            account = None
            if settings.nats_system_url:
                account = await stack.enter_async_context(aclosing(NatsSystemAccount(settings.nats_system_url)))
            issuer = Issuer(settings.master_key)
            readers = NatsReaderSessions(subscriptions, issuer, clock, account, settings.readers())
            await AuthCallout(readers).serve(conns.bus)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(erasures.sweep())]
            if readers is not None:
                running.append(group.create_task(_run_readers(conns.bus, readers)))
            yield Service(conns.metrics, conns.checks)
            for task in running:
                task.cancel()


async def _run_readers(bus: Bus, readers: NatsReaderSessions) -> None:
    while True:
        try:
            await readers.run()
        except LogUnavailable:
            await asyncio.sleep(1.0)
        except Exception as error:
            bus.report_fault("NATS readers", error)
            await asyncio.sleep(1.0)
