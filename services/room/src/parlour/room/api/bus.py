"""Serves commands over NATS, after checks of each request and of who asks."""

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_app_id, check_room_id
from parlour.kernel.rejection import Rejection
from parlour.room.app.room_handler import RoomHandler
from parlour.runtime.deciding.endpoints import Handlers, command_endpoints
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus

SERVICE = "room"
VERSION = "1.0.0"

_OPERATOR_COMMANDS = cmd.KickUser | cmd.EndStay | cmd.CloseRoom | cmd.DescribeRoom


async def serve(bus: Bus, rooms: RoomHandler) -> None:
    """Registers one endpoint for each command."""
    handlers: Handlers = {
        cmd.JoinRoom: rooms.join,
        cmd.LeaveRoom: rooms.leave,
        cmd.KickUser: rooms.kick,
        cmd.EndStay: rooms.end_stay,
        cmd.CloseRoom: rooms.close,
        cmd.SetRoomExtraInfo: rooms.set_extra_info,
        cmd.DescribeRoom: rooms.describe,
    }
    await bus.serve(SERVICE, VERSION, command_endpoints(handlers, check_request))


def check_request(to: Address, request: cmd.Request) -> None:
    """Checks that a client acts for its own session and user, and that only an operator kicks, closes and describes."""
    check_app_id(to.app)
    check_room_id(to.room)
    caller, body = request.caller, request.body
    if caller.kind != "client":
        return
    if isinstance(body, _OPERATOR_COMMANDS):
        raise Rejection(Code.FORBIDDEN, "only an operator may do this")
    if caller.session_id and caller.session_id != getattr(body, "session_id", caller.session_id):
        raise Rejection(Code.FORBIDDEN, "this is another client's session", field="sessionID")
    if isinstance(body, cmd.JoinRoom) and caller.user_id and caller.user_id != body.user_id:
        raise Rejection(Code.FORBIDDEN, "this is another user's login", field="userID")
