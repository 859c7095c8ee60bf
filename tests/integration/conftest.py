"""What a service under test is started with: its own role on Postgres, its own user on NATS."""

import asyncio
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import pytest

from parlour.cli.embedded import NatsServer
from parlour.runtime.postgres.migrate import ROLES, set_passwords

PASSWORDS = {service: secrets.token_hex(16) for service in ROLES}
MASTER_KEY = secrets.token_hex(32)

Environment = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def environment(postgres: str, nats_server: NatsServer) -> Environment:
    """`environment("room")` is what the supervisor would set for the room service, on this module's database."""
    asyncio.run(set_passwords(postgres, PASSWORDS))
    parts = urlsplit(postgres)

    def of(service: str) -> dict[str, str]:
        made = {"PARLOUR_NATS_URL": nats_server.address(service), "PARLOUR_MASTER_KEY": MASTER_KEY}
        if service in ROLES:
            netloc = f"{ROLES[service]}:{PASSWORDS[service]}@{parts.hostname}:{parts.port}"
            made["PARLOUR_POSTGRES_DSN"] = urlunsplit(parts._replace(netloc=netloc))
        return made

    return of
