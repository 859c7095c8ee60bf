"""A service's commands on the bus: one endpoint for each verb, which takes one type of body."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Command, Reply, Request
from parlour.kernel.rejection import Rejection

from .address import Address
from .bus import Bus
from .endpoint import Endpoint, Headers

H = TypeVar("H")
Verbs = Mapping[str, tuple[type[Command], H]]


async def serve_verbs(
    bus: Bus,
    service: str,
    version: str,
    verbs: Verbs[H],
    handle: Callable[[Address, Request, Headers], Awaitable[Reply]],
) -> None:
    """Serves an endpoint for each verb; `handle` gets every request."""
    of_all = subjects.commands_of(service).removesuffix("*")
    await bus.serve(service, version, {verb: Endpoint(of_all + verb, Request, handle) for verb in verbs})


def handler_of(verbs: Verbs[H], to: Address, request: Request) -> H:
    """Returns the verb's handler; `Rejection` for a body of another verb."""
    kind, handler = verbs[to.verb]
    if not isinstance(request.body, kind):
        raise Rejection(Code.PARAMETER, f"the body is not what {to.verb} takes", field="body")
    return handler
