"""Handles the commands of WHIP and WHEP resources, and publishes the presence of their sessions.

Each resource has a transport of its own, which any gateway may end or renew. The session behind it has no connection to a gateway: it is
present as long as a relay hears the peer of one of its transports, also when the gateway at which it began is gone. So the registry, which
hears the relays, publishes for it what gateways publish for the sessions that are connected to them.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.queries import PRESENCE_INTERVAL_S, Presence, SessionHeartbeat, presence_parts
from parlour.contracts.relay import IceRenewed
from parlour.contracts.relay import RenewIce as RenewAtRelay
from parlour.kernel.log import AppendUnit
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as domain
from parlour.registry.domain.node_directory import NodeDirectory
from parlour.runtime.deciding.context import CommandContext, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot

from .stream_units import StreamDecider
from .transports import TransportController


class ResourceHandler(msgspec.Struct, frozen=True):
    """Handles EndResource and RenewIce, which any gateway may send."""

    decider: StreamDecider
    transports: TransportController

    async def end(self, context: CommandContext, body: cmd.EndResource) -> cmd.Reply:
        """Ends the stream or play of a resource, and its transport."""
        ended = False

        def decide(loaded: RoomSnapshot[domain.State]) -> AppendUnit:
            nonlocal ended
            decision = self.decider.decide(loaded, _end_of(loaded.state, body))
            ended = bool(decision.changes)
            return context.make_unit(*decision.changes, claims=decision.releases)

        done = await self.decider.rooms.decide_and_commit(context, decide)
        closed = await self.transports.close_own(body.transport_id, body.session_id)
        remaining = len(self.transports.nodes.of_session(body.session_id))
        return reply_of(done, cmd.ResourceEnded(ended or closed, remaining))

    async def renew(self, context: CommandContext, body: cmd.RenewIce) -> cmd.Reply:
        """Restarts ICE with the peer's new credentials; appends nothing."""
        found = await self.transports.find(body.transport_id, body.session_id)
        command = RenewAtRelay(context.app, found.owner, body.transport_id, body.ufrag, body.pwd, body.match)
        renewed = await self.transports.relays.request(found.node, command, IceRenewed)
        return cmd.Reply.with_result(renewed)


def _end_of(state: domain.State, body: cmd.EndResource) -> domain.StreamCommand:
    """The command that ends what the resource carries; a stream that is on another transport by now is another resource's."""
    if not body.publishes:
        return domain.EndPlay(body.session_id, body.stream_id, body.transport_id)
    stream = state.streams.get(body.stream_id)
    if stream is not None and stream.session_id == body.session_id and stream.transport_id == body.transport_id:
        return domain.RemoveStream(body.session_id, body.stream_id)
    return domain.EndTransport(body.stream_id, body.transport_id)


async def publish_heartbeats(name: str, nodes: NodeDirectory, publish: Callable[[Presence], Awaitable[None]]) -> None:
    """Publishes once a second, until cancelled, which sessions have a resource's transport. Every replica does: each hears all relays."""
    number = 0
    while True:
        number += 1
        sessions = {(transport.app, transport.session_id) for transport in nodes.resource_transports()}
        heartbeats = tuple(SessionHeartbeat(app, "", session_id) for app, session_id in sorted(sessions))
        for part in presence_parts(name, number, heartbeats) if heartbeats else ():
            try:
                await publish(part)
            except Rejection:
                break  # NATS is away: the room service then hears no heartbeat at all and ends nobody
        await asyncio.sleep(PRESENCE_INTERVAL_S)
