"""Requests to the services over NATS, for the command line: one connection for one question."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from parlour.contracts.commands import AnyCommand, Caller, Request
from parlour.runtime.life.settings import BusSettings
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.telemetry import logging

OPERATOR = Caller(kind="operator")
R = TypeVar("R")


@asynccontextmanager
async def connected(nats_url: str) -> AsyncIterator[Bus]:
    """A bus for as long as the block runs."""
    logging.configure("cli", "cli", "critical")  # a command speaks by its output and its exit code
    async with await Bus.connect(BusSettings(nats_url=nats_url), "cli") as bus:
        yield bus


async def ask(bus: Bus, app: int, body: AnyCommand, result: type[R], *, room: str = "", within_s: float = 5.0) -> R:
    """Send one command as the operator and decode its result. `Rejection` when it was refused."""
    service, _, verb = str(body.__struct_config__.tag).partition(".")
    request = Request(command_id=str(uuid.uuid4()), caller=OPERATOR, body=body)
    reply = await bus.ask(app, service, room, verb, request, timeout=within_s)
    return msgspec.json.decode(reply.result, type=result)
