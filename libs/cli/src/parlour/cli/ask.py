"""Requests to the services over NATS, for the command line: one connection for one question."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from parlour.contracts.commands import AnyCommand, Caller, Request
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings
from parlour.runtime.telemetry import logging

from .failures import NotRunning
from .supervise.plan import NATS_VARIABLE

CONNECT_WITHIN_S = 5.0
"""A person waits no longer for a server that may not be there."""
OPERATOR = Caller(kind="operator")
R = TypeVar("R")


@asynccontextmanager
async def connected(nats_url: str) -> AsyncIterator[Bus]:
    """A bus for as long as the block runs."""
    logging.configure("cli", "cli", "critical")  # a command speaks by its output and its exit code
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            bus = await Bus.connect(BusSettings(nats_url=nats_url), "cli")
    except TimeoutError:
        raise NotRunning(
            f"NATS at {_without_password(nats_url)} does not answer within {CONNECT_WITHIN_S:g} s. "
            f"Is it up, and is the address (or {NATS_VARIABLE}) right?"
        ) from None
    async with bus:
        yield bus


async def ask(bus: Bus, app: int, body: AnyCommand, result: type[R], *, room: str = "", within_s: float = 5.0) -> R:
    """Send one command as the operator and decode its result. `Rejection` when it was refused."""
    request = Request(command_id=str(uuid.uuid4()), caller=OPERATOR, body=body)
    reply = await bus.ask(app, request.service, room, request.verb, request, timeout=within_s)
    return msgspec.json.decode(reply.result, type=result)


def _without_password(urls: str) -> str:
    """The servers' hosts and ports alone."""
    return ", ".join(url.strip().rpartition("@")[2].rpartition("//")[2] for url in urls.split(","))
