"""Serves commands over NATS, one endpoint for each verb, and takes in the relays' facts."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.ids import check_app_id, check_room_id
from parlour.contracts.relay import AnyRelayFact
from parlour.kernel.rejection import Rejection
from parlour.registry.app.play_handler import PlayHandler
from parlour.registry.app.publish_handler import PublishHandler
from parlour.registry.app.resource_handler import ResourceHandler
from parlour.registry.app.transport_loss import TransportLossHandler
from parlour.runtime.deciding.context import CommandContext, build_context
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.messaging.verbs import handler_of, serve_verbs

SERVICE = "registry"
VERSION = "1.0.0"

Handler = Callable[[CommandContext, Any], Awaitable[cmd.Reply]]
_fact = msgspec.json.Decoder(AnyRelayFact)


class RegistryApi:
    """Checks each request and who asks, and calls its handler."""

    def __init__(
        self, publishing: PublishHandler, plays: PlayHandler, resources: ResourceHandler, losses: TransportLossHandler
    ) -> None:
        self._losses = losses
        self._handlers: dict[str, tuple[type[cmd.Command], Handler]] = {
            "publish": (cmd.Publish, publishing.publish),
            "stop_publish": (cmd.StopPublish, publishing.stop),
            "set_extra_info": (cmd.SetStreamExtraInfo, publishing.set_extra),
            "set_mutes": (cmd.SetMutes, publishing.set_mutes),
            "restart_ice": (cmd.RestartIce, publishing.restart_ice),
            "play": (cmd.Play, plays.play),
            "stop_play": (cmd.StopPlay, plays.stop),
            "end_resource": (cmd.EndResource, resources.end),
            "renew_ice": (cmd.RenewIce, resources.renew),
            "describe": (cmd.DescribeStreams, plays.describe),
        }

    async def serve(self, bus: Bus) -> None:
        """Subscribes to the relays' facts first, then registers the endpoints."""
        await bus.subscribe(subjects.RELAY_FACTS, self.handle_fact)
        await serve_verbs(bus, SERVICE, VERSION, self._handlers, self.handle)

    async def handle(self, to: Address, request: cmd.Request, headers: Headers) -> cmd.Reply:
        """Answers one command; raises the `Rejection` that refuses it."""
        handler = handler_of(self._handlers, to, request)
        check_app_id(to.app)
        check_room_id(to.room)
        check_caller(request)
        return await handler(build_context(to, request), request.body)

    async def handle_fact(self, to: Address, payload: bytes, headers: Headers) -> None:
        """Takes in one fact of a relay."""
        self._losses.handle_fact(_fact.decode(payload))


def check_caller(request: cmd.Request) -> None:
    """Checks that a client acts for its own session, which has logged in, and that only an operator reads a replica's memory."""
    caller = request.caller
    if isinstance(request.body, cmd.DescribeStreams):
        if caller.kind == "client":
            raise Rejection(Code.FORBIDDEN, "only an operator may ask this")
        return
    if not caller.session_id or not caller.actor:
        raise Rejection(Code.ROOM_NOT_LOGGED_IN, "no session", field="sessionID", hint="log in first")
    if caller.session_id != getattr(request.body, "session_id", ""):
        raise Rejection(Code.FORBIDDEN, "this is another client's session", field="sessionID")
