"""Serves commands over NATS: one endpoint for each verb, so that stock tools list them with their statistics."""

from collections.abc import Awaitable, Callable
from typing import Any

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.ids import check_app_id, check_room_id
from parlour.kernel.rejection import Rejection
from parlour.room.app.room_handler import RoomHandler
from parlour.runtime.deciding.context import CommandContext, build_context
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.messaging.verbs import handler_of, serve_verbs

SERVICE = "room"
VERSION = "1.0.0"

_OPERATOR_COMMANDS = cmd.KickUser | cmd.EndStay | cmd.CloseRoom | cmd.DescribeRoom
Handler = Callable[[CommandContext, Any], Awaitable[Reply]]


class RoomApi:
    """Checks each request and who asks, and calls its handler."""

    def __init__(self, rooms: RoomHandler) -> None:
        self._handlers: dict[str, tuple[type[cmd.Command], Handler]] = {
            "join": (cmd.JoinRoom, rooms.join),
            "leave": (cmd.LeaveRoom, rooms.leave),
            "kick": (cmd.KickUser, rooms.kick),
            "end_stay": (cmd.EndStay, rooms.end_stay),
            "close": (cmd.CloseRoom, rooms.close),
            "set_extra_info": (cmd.SetRoomExtraInfo, rooms.set_extra_info),
            "describe": (cmd.DescribeRoom, rooms.describe),
        }

    async def serve(self, bus: Bus) -> None:
        """Registers one endpoint for each verb, whose replicas share its requests."""
        await serve_verbs(bus, SERVICE, VERSION, self._handlers, self.handle)

    async def handle(self, to: Address, request: Request, headers: Headers) -> Reply:
        """Answers one command; raises the `Rejection` that refuses it."""
        handler = handler_of(self._handlers, to, request)
        check_app_id(to.app)
        check_room_id(to.room)
        check_caller(request)
        return await handler(build_context(to, request), request.body)


def check_caller(request: Request) -> None:
    """Checks that a client acts for its own session and user, and that only an operator kicks, closes and describes."""
    caller, body = request.caller, request.body
    if caller.kind != "client":
        return
    if isinstance(body, _OPERATOR_COMMANDS):
        raise Rejection(Code.FORBIDDEN, "only an operator may do this")
    if caller.session_id and caller.session_id != getattr(body, "session_id", caller.session_id):
        raise Rejection(Code.FORBIDDEN, "this is another client's session", field="sessionID")
    if isinstance(body, cmd.JoinRoom) and caller.user_id and caller.user_id != body.user_id:
        raise Rejection(Code.FORBIDDEN, "this is another user's login", field="userID")
