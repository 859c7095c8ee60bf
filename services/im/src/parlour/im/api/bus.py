"""Serves commands over NATS: one endpoint for each verb, so that stock tools list them with their statistics."""

from collections.abc import Awaitable, Callable
from typing import Any

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.ids import check_app_id, check_room_id
from parlour.im.app.message_handler import MessageHandler
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.context import CommandContext, build_context
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.messaging.verbs import handler_of, serve_verbs

SERVICE = "im"
VERSION = "1.0.0"

Handler = Callable[[CommandContext, Any], Awaitable[Reply]]


class ImApi:
    """Checks each request and who asks, and calls its handler."""

    def __init__(self, messages: MessageHandler) -> None:
        self._handlers: dict[str, tuple[type[cmd.Command], Handler]] = {
            "send_broadcast": (cmd.SendBroadcast, messages.message),
            "send_barrage": (cmd.SendBarrage, messages.message),
            "send_command": (cmd.SendCommand, messages.command),
        }

    async def serve(self, bus: Bus) -> None:
        """Registers one endpoint for each verb, whose replicas share its requests."""
        await serve_verbs(bus, SERVICE, VERSION, self._handlers, self.handle)

    async def handle(self, to: Address, request: Request, headers: Headers) -> Reply:
        """Answers one command; raises the `Rejection` that refuses it."""
        handler = handler_of(self._handlers, to, request)
        check_app_id(to.app)
        check_room_id(to.room)
        if request.caller.session_id not in ("", getattr(request.body, "session_id", "")):
            raise Rejection(Code.FORBIDDEN, "this is another client's session", field="sessionID")
        return await handler(build_context(to, request), request.body)
