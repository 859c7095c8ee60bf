"""A service's commands on the bus: one endpoint a verb, and for each verb the one body that it takes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Command, Reply, Request
from parlour.kernel.rejection import Rejection

from .address import Address
from .bus import Bus, Endpoint, Headers

H = TypeVar("H")
Verbs = Mapping[str, tuple[type[Command], H]]


async def serve_verbs(
    bus: Bus,
    service: str,
    version: str,
    verbs: Verbs[H],
    handle: Callable[[Address, Request, Headers], Awaitable[Reply]],
) -> None:
    """Registers the endpoints; `handle` gets every request."""
    of_all = subjects.commands_of(service).removesuffix("*")
    await bus.serve(service, version, {verb: Endpoint(of_all + verb, Request, handle) for verb in verbs})


def handler_of(verbs: Verbs[H], to: Address, request: Request) -> H:
    """The verb's handler; `Rejection` for a body that belongs to another."""
    kind, handler = verbs[to.verb]
    if not isinstance(request.body, kind):
        raise Rejection.of(Code.PARAMETER, f"the body is not what {to.verb} takes", field="body")
    return handler
