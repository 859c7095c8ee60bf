"""Sends one command for a verb and waits for its result."""

import asyncio
from typing import TypeVar

from parlour.contracts.commands import AnyCommand

from .target import nats_url

COMMAND_TIMEOUT_S = 10.0
Result = TypeVar("Result")


def run_command(
    app: int, body: AnyCommand, result: type[Result], *, room: str = "", timeout_s: float = COMMAND_TIMEOUT_S
) -> Result:
    """Connects to the suite that the verb asks, sends the command and decodes its result. Raises `Rejection` or `NotRunning`."""

    async def send() -> Result:
        from ..operator.connection import connect, send_command  # a client of NATS, which `--help` need not load

        async with connect(nats_url()) as bus:
            return await send_command(bus, app, body, result, room=room, timeout_s=timeout_s)

    return asyncio.run(send())
