"""Commands over NATS: one endpoint for each verb, so that stock tools list them with their statistics."""

from collections.abc import Awaitable, Callable
from typing import Any

from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.ids import check_app_id, check_room_id
from parlour.im.app.sending import Sending
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.drafts import Call, call_of
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Headers
from parlour.runtime.messaging.verbs import handler_of, serve_verbs

SERVICE = "im"
VERSION = "1.0.0"

Handler = Callable[[Call, Any], Awaitable[Reply]]


class Commands:
    """Takes a request apart, checks who asks, and hands it to its handler."""

    def __init__(self, sending: Sending) -> None:
        self._handlers: dict[str, tuple[type[contract.Command], Handler]] = {
            "send_broadcast": (contract.SendBroadcast, sending.broadcast),
            "send_barrage": (contract.SendBarrage, sending.barrage),
            "send_command": (contract.SendCommand, sending.command),
        }

    async def serve(self, bus: Bus) -> None:
        """Registers the endpoints."""
        await serve_verbs(bus, SERVICE, VERSION, self._handlers, self.handle)

    async def handle(self, to: Address, request: Request, headers: Headers) -> Reply:
        """One command."""
        handler = handler_of(self._handlers, to, request)
        check_app_id(to.app)
        check_room_id(to.room)
        if request.caller.session_id not in ("", getattr(request.body, "session_id", "")):
            raise Rejection.of(Code.FORBIDDEN, "this is another client's session", field="sessionID")
        return await handler(call_of(to, request), request.body)
