"""Puts the service together: the only place where adapters are chosen."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from parlour.kernel import bans as kernel_bans
from parlour.kernel.log import LogUnavailable
from parlour.runtime.deciding.rooms import StateCache
from parlour.runtime.life.clock import SystemClock, SystemIds
from parlour.runtime.life.connections import connected
from parlour.runtime.life.process import Service
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.signing.nats_keys import Issuer

from .adapters.postgres_keys import PostgresKeys
from .adapters.postgres_vault import PostgresVault
from .adapters.system_nats import system_account
from .api.bus import SERVICE, Commands
from .api.callout import Callout
from .app.apps import AppBook
from .app.bans import BanBook
from .app.login_keys import KeyBook
from .app.outlets import Outlets
from .app.privacy import Privacy
from .app.refusals import Refusals
from .app.subscriptions import Subscriptions
from .app.tokens import Tokens
from .domain import application, bans, privacy
from .settings import AuthSettings


@asynccontextmanager
async def build(settings: AuthSettings) -> AsyncGenerator[Service]:
    """The running service."""
    async with AsyncExitStack() as stack:
        to = await stack.enter_async_context(connected(settings, SERVICE))
        cache = StateCache(
            to.log, to.people, aggregate=application.AGGREGATE, initial=lambda key: application.INITIAL,
            absent=lambda: application.INITIAL, evolve=application.evolve,
        )  # fmt: skip
        await stack.enter_async_context(cache.following(to.bus))
        clock, ids = SystemClock(), SystemIds()
        vault = PostgresVault(to.pool, settings.master_key)
        refusals = Refusals(to.metrics)
        tokens = Tokens(cache, to.committer, to.people, vault, clock, ids, refusals, settings.limits())
        subscriptions = Subscriptions(
            cache, to.committer, to.people, vault, clock, ids, refusals, leeway_s=settings.clock_leeway_s
        )
        private = StateCache(
            to.log, to.people, aggregate=privacy.AGGREGATE, initial=lambda key: privacy.INITIAL,
            absent=lambda: privacy.INITIAL, evolve=privacy.evolve,
        )  # fmt: skip
        await stack.enter_async_context(private.following(to.bus))
        erasing = Privacy(private, to.committer, to.people, PostgresKeys(to.pool), vault)
        banned = StateCache(
            to.log, to.people, aggregate=bans.AGGREGATE, initial=lambda key: kernel_bans.INITIAL,
            absent=lambda: kernel_bans.INITIAL, evolve=kernel_bans.evolve,
        )  # fmt: skip
        await stack.enter_async_context(banned.following(to.bus))
        apps, keys = AppBook(cache, to.committer, vault, clock, ids), KeyBook(cache, to.committer, clock, ids)
        ban_book = BanBook(banned, to.committer, to.people, clock, ids)
        await Commands(tokens, apps, keys, subscriptions, erasing, ban_book).serve(to.bus)
        if settings.callout:
            await stack.enter_async_context(outlets(settings, to.bus, subscriptions))
        async with asyncio.TaskGroup() as group:
            sweeping = group.create_task(erasing.sweep())
            yield Service(to.metrics, to.checks)
            sweeping.cancel()


@asynccontextmanager
async def outlets(settings: AuthSettings, bus: Bus, subscriptions: Subscriptions) -> AsyncGenerator[None]:
    """Answers NATS about readers outside while the block runs."""
    async with AsyncExitStack() as stack:
        account = None
        if settings.nats_system_url:
            account = await stack.enter_async_context(system_account(settings.nats_system_url))
        readers = Outlets(subscriptions, Issuer(settings.master_key), SystemClock(), account, settings.readers())
        await Callout(readers).serve(bus)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(bus, readers))
            yield
            watch.cancel()


async def _watch(bus: Bus, readers: Outlets) -> None:
    while True:
        try:
            await readers.run()
        except LogUnavailable:
            await asyncio.sleep(1.0)
        except Exception as error:
            bus.fault("outlets", error)
            await asyncio.sleep(1.0)
