"""Serves commands over NATS, after checks of each request and of who asks."""

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_app_id, check_room_id
from parlour.im.app.message_handler import MessageHandler
from parlour.kernel.rejection import Rejection
from parlour.runtime.deciding.endpoints import Handlers, command_endpoints
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus

SERVICE = "im"
VERSION = "1.0.0"


async def serve(bus: Bus, messages: MessageHandler) -> None:
    """Registers one endpoint for each command."""
    handlers: Handlers = {
        cmd.SendBroadcast: messages.message,
        cmd.SendBarrage: messages.message,
        cmd.SendCommand: messages.command,
    }
    await bus.serve(SERVICE, VERSION, command_endpoints(handlers, check_request))


def check_request(to: Address, request: cmd.Request) -> None:
    """Checks that a client speaks for its own session."""
    check_app_id(to.app)
    check_room_id(to.room)
    if request.caller.session_id not in ("", getattr(request.body, "session_id", "")):
        raise Rejection(Code.FORBIDDEN, "this is another client's session", field="sessionID")
