"""Which suite a verb asks, the one that runs here or the one that the environment names, and how it is asked.

Clients of NATS are imported when a verb is called: `--help` need not load them.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from parlour.contracts.commands import AnyCommand
from parlour.contracts.proofs import NO_APP

from ..failures import NATS_VARIABLE, BadVariable, NotRunning
from ..supervise.bring_up import running
from ..supervise.plan import DEFAULT_APP
from ..supervise.state import StateFolder

if TYPE_CHECKING:
    from parlour.runtime.messaging.bus import Bus

APP_VARIABLE = "PARLOUR_APP"
COMMAND_TIMEOUT_S = 10.0
Result = TypeVar("Result")


def nats_url() -> str:
    """The address to ask; `NotRunning` says how to start a suite."""
    if NATS_VARIABLE in os.environ:
        return os.environ[NATS_VARIABLE]
    run = running(StateFolder.here())
    if run is None or not run.nats:
        raise NotRunning(f"Parlour does not run here. Start it with: make up (or name a server in {NATS_VARIABLE})")
    return run.nats


def default_app() -> int:
    """The app that a verb means when none is named: PARLOUR_APP, or the one that `up` makes."""
    named = os.environ.get(APP_VARIABLE, "")
    if not named:
        return DEFAULT_APP
    if not (named.isascii() and named.isdigit()):
        raise BadVariable(f"{APP_VARIABLE} is {named!r}: it must be an application id (parlour apps list)")
    return int(named)


def ask_suite(question: "Callable[[Bus], Awaitable[Result]]") -> Result:
    """Connects to the suite for as long as `question` runs, and returns its answer. Raises `Rejection` or `NotRunning`."""

    async def ask() -> Result:
        from ..operator.connection import connect

        async with connect(nats_url()) as bus:
            return await question(bus)

    return asyncio.run(ask())


def run_command(
    app: int, body: AnyCommand, result: type[Result], *, room: str = "", timeout_s: float = COMMAND_TIMEOUT_S
) -> Result:
    """Sends one command and returns its result. Raises as `ask_suite`."""
    from ..operator.connection import send_command

    return ask_suite(lambda bus: send_command(bus, app, body, result, room=room, timeout_s=timeout_s))


def run_query(what: str, query: msgspec.Struct, answer: type[Result], *, app: int = NO_APP, room: str = "") -> Result:
    """Sends one query to the record, as `send_query` does, and returns its answer. Raises as `ask_suite`."""
    from ..operator.connection import send_query

    return ask_suite(lambda bus: send_query(bus, what, query, answer, app=app, room=room))
