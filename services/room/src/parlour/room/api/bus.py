"""Commands over NATS: one endpoint for each verb, so that stock tools list them with their statistics."""

from collections.abc import Awaitable, Callable
from typing import Any

from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply, Request
from parlour.contracts.ids import check_app_id, check_room_id
from parlour.kernel.rejection import Rejection
from parlour.room.app.rooms import Rooms
from parlour.runtime.deciding.drafts import Call, call_of
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus, Headers
from parlour.runtime.messaging.verbs import handler_of, serve_verbs

SERVICE = "room"
VERSION = "1.0.0"

_NOT_OF_CLIENTS = contract.KickUser | contract.EndStay | contract.CloseRoom | contract.DescribeRoom
Handler = Callable[[Call, Any], Awaitable[Reply]]


class Commands:
    """Takes a request apart, checks who asks, and hands it to its handler."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._handlers: dict[str, tuple[type[contract.Command], Handler]] = {
            "join": (contract.JoinRoom, rooms.join),
            "leave": (contract.LeaveRoom, rooms.leave),
            "kick": (contract.KickUser, rooms.kick),
            "end_stay": (contract.EndStay, rooms.end_stay),
            "close": (contract.CloseRoom, rooms.close),
            "set_extra_info": (contract.SetRoomExtraInfo, rooms.set_extra_info),
            "describe": (contract.DescribeRoom, rooms.describe),
        }

    async def serve(self, bus: Bus) -> None:
        """Registers the endpoints."""
        await serve_verbs(bus, SERVICE, VERSION, self._handlers, self.handle)

    async def handle(self, to: Address, request: Request, headers: Headers) -> Reply:
        """One command."""
        handler = handler_of(self._handlers, to, request)
        check_app_id(to.app)
        check_room_id(to.room)
        check_caller(request)
        return await handler(call_of(to, request), request.body)


def check_caller(request: Request) -> None:
    """A client acts for itself only; whom to put out, what to close and what is in memory is the operator's to ask."""
    caller, body = request.caller, request.body
    if caller.kind != "client":
        return
    if isinstance(body, _NOT_OF_CLIENTS):
        raise Rejection.of(Code.FORBIDDEN, "only an operator may do this")
    if caller.session_id and caller.session_id != getattr(body, "session_id", caller.session_id):
        raise Rejection.of(Code.FORBIDDEN, "this is another client's session", field="sessionID")
    if isinstance(body, contract.JoinRoom) and caller.user_id and caller.user_id != body.user_id:
        raise Rejection.of(Code.FORBIDDEN, "this is another user's login", field="userID")
