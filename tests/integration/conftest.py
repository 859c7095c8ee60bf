"""What a service under test is started with: its own role on Postgres, its own user on NATS."""

import asyncio
import importlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from parlour.cli.embedded.nats import NatsServer
from parlour.record.settings import RecordSettings
from parlour.runtime.postgres.migrate import ROLES, set_passwords
from parlour.runtime.process.run import Service
from parlour.runtime.settings import load
from parlour.testkit.harness.webhooks import QUICK, WebhookClient, connect_webhook_client
from parlour.testkit.receiver import Receiver, listening

PASSWORDS = {service: secrets.token_hex(16) for service in ROLES}
MASTER_KEY = secrets.token_hex(32)

Environment = Callable[[str], dict[str, str]]
Running = Callable[..., AbstractAsyncContextManager[dict[str, Service]]]


@pytest.fixture(scope="module")
def environment(postgres: str, nats_server: NatsServer, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`environment("room")` is what the supervisor would set for the room service, on this module's database."""
    asyncio.run(set_passwords(postgres, PASSWORDS))
    parts = urlsplit(postgres)
    state = tmp_path_factory.mktemp("record")

    def of(service: str) -> dict[str, str]:
        made = {"PARLOUR_NATS_URL": nats_server.address(service), "PARLOUR_MASTER_KEY": MASTER_KEY}
        if service in ROLES:
            netloc = f"{ROLES[service]}:{PASSWORDS[service]}@{parts.hostname}:{parts.port}"
            made["PARLOUR_POSTGRES_DSN"] = urlunsplit(parts._replace(netloc=netloc))
        if service == "record":
            made["PARLOUR_RECORD_STATE"] = str(state)
        return made

    return of


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A server that webhooks are delivered to; it notes what arrived."""
    async with listening() as made:
        yield made


@pytest.fixture
async def webhooks(environment: Environment, postgres: str) -> AsyncIterator[WebhookClient]:
    """Writes events of an app of its own, and asks the record about its endpoints."""
    async with connect_webhook_client(environment, postgres) as made:
        yield made


@pytest.fixture
def quick(environment: Environment) -> RecordSettings:
    """The record's settings with pauses of milliseconds between two attempts of a webhook."""
    return load(RecordSettings, environment("record") | QUICK)


@pytest.fixture(scope="module")
def running(environment: Environment) -> Running:
    """`async with running("room", "im", PARLOUR_ROOM_EMPTY_DELAY_S="1"):` these services in this process, on this module's database."""

    @asynccontextmanager
    async def start(*names: str, **variables: str) -> AsyncGenerator[dict[str, Service]]:
        async with AsyncExitStack() as stack:
            services: dict[str, Service] = {}
            for name in names:
                wiring = importlib.import_module(f"parlour.{name}.wiring")
                settings = importlib.import_module(f"parlour.{name}.settings")
                own = {key: value for key, value in variables.items() if key.startswith(f"PARLOUR_{name.upper()}_")}
                loaded = load(getattr(settings, f"{name.title()}Settings"), environment(name) | own)
                services[name] = await stack.enter_async_context(wiring.build(loaded))
            yield services

    return start
