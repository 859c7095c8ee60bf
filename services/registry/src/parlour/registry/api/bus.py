"""Serves commands over NATS, after checks of each request and of who asks, and takes in the relays' facts."""

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
from parlour.runtime.deciding.endpoints import Handlers, command_endpoints
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers

SERVICE = "registry"
VERSION = "1.0.0"

_fact = msgspec.json.Decoder(AnyRelayFact)


async def serve(
    bus: Bus, publishing: PublishHandler, plays: PlayHandler, resources: ResourceHandler, losses: TransportLossHandler
) -> None:
    """Subscribes to the relays' facts first, then registers one endpoint for each command."""
    handlers: Handlers = {
        cmd.Publish: publishing.publish,
        cmd.StopPublish: publishing.stop,
        cmd.SetStreamExtraInfo: publishing.set_extra,
        cmd.SetMutes: publishing.set_mutes,
        cmd.RestartIce: publishing.restart_ice,
        cmd.Play: plays.play,
        cmd.StopPlay: plays.stop,
        cmd.EndResource: resources.end,
        cmd.RenewIce: resources.renew,
        cmd.DescribeStreams: plays.describe,
    }

    async def receive(to: Address, payload: bytes, headers: Headers) -> None:
        losses.handle_fact(_fact.decode(payload))

    await bus.subscribe(subjects.RELAY_FACTS, receive)
    await bus.serve(SERVICE, VERSION, command_endpoints(handlers, check_request))


def check_request(to: Address, request: cmd.Request) -> None:
    """Checks that a client acts for its own session, which has logged in, and that only an operator reads a replica's memory."""
    check_app_id(to.app)
    check_room_id(to.room)
    caller = request.caller
    if isinstance(request.body, cmd.DescribeStreams):
        if caller.kind == "client":
            raise Rejection(Code.FORBIDDEN, "only an operator may ask this")
        return
    if not caller.session_id or not caller.actor:
        raise Rejection(Code.ROOM_NOT_LOGGED_IN, "no session", field="sessionID", hint="log in first")
    if caller.session_id != getattr(request.body, "session_id", ""):
        raise Rejection(Code.FORBIDDEN, "this is another client's session", field="sessionID")
