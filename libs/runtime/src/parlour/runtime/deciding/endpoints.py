"""A service's commands on the bus: an endpoint for each, named by the verb in the command's tag, so that stock tools list them all."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.commands import Command, Reply, Request
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.endpoint import Endpoint, Headers

from .context import CommandContext, build_context

Handlers = Mapping[type[Command], Callable[[CommandContext, Any], Awaitable[Reply]]]
"""By the type of command: what answers it, after the commit."""


def command_endpoints(handlers: Handlers, check: Callable[[Address, Request], None]) -> dict[str, Endpoint]:
    """Returns the endpoints of one service's commands, whose replicas share its requests.

    `check` raises what refuses a request (a wrong id, a caller who may not ask) before the handler of its command is called.
    """
    verbs = {str(kind.__struct_config__.tag): kind for kind in handlers}

    async def handle(to: Address, request: Request, headers: Headers) -> Reply:
        if not isinstance(request.body, verbs[f"{to.service}.{to.verb}"]):
            raise Rejection(Code.PARAMETER, f"the body is not what {to.verb} takes", field="body")
        check(to, request)
        return await handlers[type(request.body)](build_context(to, request), request.body)

    endpoints: dict[str, Endpoint] = {}
    for tag in verbs:
        service, _, verb = tag.partition(".")
        endpoints[verb] = Endpoint(subjects.commands_of(service).removesuffix("*") + verb, Request, handle)
    return endpoints
