"""The connection to NATS for one verb; commands are sent over it as the operator, and queries of the record."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from parlour.contracts import subjects
from parlour.contracts.commands import AnyCommand, Caller, Request
from parlour.contracts.proofs import NO_APP
from parlour.runtime.messaging.bus import Bus, check_answer
from parlour.runtime.settings import BusSettings
from parlour.runtime.telemetry import logging

from ..failures import NATS_VARIABLE, NotRunning

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 5.0
QUERY_TIMEOUT_S = 10.0
OPERATOR = Caller(kind="operator")
Result = TypeVar("Result")


@asynccontextmanager
async def connect(nats_url: str) -> AsyncIterator[Bus]:
    """Connects for as long as the block runs. `NotRunning` where no server answers within `CONNECT_TIMEOUT_S`."""
    logging.configure("cli", "cli", "critical")  # a command speaks by its output and its exit code
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            bus = await Bus.connect(BusSettings(nats_url=nats_url), "cli")
    except TimeoutError:
        raise NotRunning(
            f"NATS at {_without_password(nats_url)} does not answer within {CONNECT_TIMEOUT_S:g} s. "
            f"Is it up, and is the address (or {NATS_VARIABLE}) right?"
        ) from None
    async with bus:
        yield bus


async def send_command(
    bus: Bus, app: int, body: AnyCommand, result: type[Result], *, room: str = "", timeout_s: float = COMMAND_TIMEOUT_S
) -> Result:
    """Sends one command as the operator, to the service that its tag names, and decodes the result.

    `Rejection` where the service refuses it.
    """
    request = Request(command_id=str(uuid.uuid4()), caller=OPERATOR, body=body)
    reply = await bus.ask(app, request.service, room, request.verb, request, timeout=timeout_s)
    return msgspec.json.decode(reply.result, type=result)


async def send_query(
    bus: Bus, what: str, query: msgspec.Struct, answer: type[Result], *, app: int = NO_APP, room: str = ""
) -> Result:
    """Sends one query to the record and returns its answer; without an app, one about proofs, keys, exports or retention.

    `Rejection` where the record refuses it.
    """
    return check_answer(await bus.request(subjects.query(app, room, what), query, answer, QUERY_TIMEOUT_S))


def _without_password(urls: str) -> str:
    """Hosts and ports of the servers, for an error text."""
    return ", ".join(url.strip().rpartition("@")[2].rpartition("//")[2] for url in urls.split(","))
