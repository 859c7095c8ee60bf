"""What the registry asks of relay nodes about transports: to negotiate an offer, to stop a stream, to close.

A session has one transport to publish and one to play on a node; it names the one that an offer renews. A transport of another session, or
one that has ended, is not found: the client then offers on a new peer connection. Relays trust the registry: that a transport is the
session's own is checked here, and by the relay again where an offer or new ICE credentials name one.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.commands import MediaSections, Play, Publish, Published
from parlour.contracts.relay import (
    Ack,
    AnyRelayCommand,
    BoundStream,
    CloseTransport,
    Negotiate,
    Negotiated,
)
from parlour.kernel.rejection import Rejection
from parlour.registry.domain.node_directory import NodeDirectory, RelayTransport
from parlour.runtime.telemetry.logging import logger

from .ports import Chance, MonotonicClock, RelayClient

DIRECTORY_COMPLETE_S = 3.0
"""A registry that has just started hears of every node within a heartbeat; until then look-ups wait rather than fail."""

log = logger(__name__)
F = TypeVar("F")


class RelayAnswer(msgspec.Struct, frozen=True):
    """The relay's answer to an offer; `new`: it made the transport."""

    node: str
    transport_id: str
    sdp: str
    new: bool
    publishes: tuple[BoundStream, ...] = ()

    def published(self, stream_id: str) -> BoundStream:
        """The m-lines and the video codec that were negotiated for a stream."""
        return next(
            (bound for bound in self.publishes if bound.stream_id == stream_id), BoundStream(stream_id, MediaSections())
        )


class TransportController:
    """The transports of all sessions, on whatever node they are. `now` is monotonic seconds."""

    def __init__(self, nodes: NodeDirectory, relays: RelayClient, now: MonotonicClock, chance: Chance) -> None:
        self.nodes = nodes
        self.relays = relays
        self._now = now
        self._chance = chance
        self._started_at = now()
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """The directory of nodes has changed: look-ups that wait look again."""
        self._changed.set()

    async def place(self) -> str:
        """Chooses the node for a new transport; `Rejection` where no node is up."""
        node = await self._look_up(lambda: self.nodes.place_transport(self._now(), self._chance))
        if node is None:
            raise Rejection(Code.RELAY_UNAVAILABLE, "no relay node is up", hint="try again in a few seconds")
        return node

    async def find(self, transport_id: str, session_id: str) -> RelayTransport:
        """The session's own transport of that id; `Rejection` where it has none."""
        found = await self._look_up(lambda: self.nodes.find_transport(transport_id))
        if found is None or found.session_id != session_id:
            raise Rejection(Code.NOT_FOUND, "the transport is gone", field="transportID",
                               hint="offer on a new peer connection, without transportID")  # fmt: skip
        return found

    async def negotiate(self, room: str, node: str, offer: Negotiate) -> RelayAnswer:
        """Has a node answer an offer; raises what the node refuses it with."""
        made = await self.relays.request(node, offer, Negotiated)
        self.nodes.add_transport(RelayTransport(made.transport_id, node, offer.owner, offer.app, frozenset((room,))))
        return RelayAnswer(node, made.transport_id, made.sdp, made.transport_id != offer.transport_id, made.publishes)

    async def close(self, node: str, transport_id: str) -> None:
        """Ends a transport with all that it carries."""
        self.nodes.remove_transport(transport_id)
        await self.request_quietly(node, CloseTransport(transport_id))

    async def close_if_new(self, answer: RelayAnswer) -> None:
        """Ends the transport that an answer made, where the client does not get that answer."""
        if answer.new:
            await self.close(answer.node, answer.transport_id)

    async def close_unanswered(self, answer: RelayAnswer, first: bytes) -> None:
        """A repeated command gets its first answer (`Published` as JSON): ends a transport that only the repetition made."""
        if msgspec.json.decode(first, type=Published).transport_id != answer.transport_id:
            await self.close_if_new(answer)

    async def close_own(self, transport_id: str, session_id: str) -> bool:
        """Ends a transport if it is this session's own; returns whether it was."""
        found = self.nodes.find_transport(transport_id)
        if found is None or found.session_id != session_id:
            return False
        await self.close(found.node, transport_id)
        return True

    async def close_session(self, session_id: str) -> None:
        """Ends all transports of a session, one after the other."""
        for transport in self.nodes.of_session(session_id):
            await self.close(transport.node, transport.transport_id)

    async def request_quietly(self, node: str, command: AnyRelayCommand) -> None:
        """Has a node stop something. A failure is ignored: a node that is away has dropped it too, or names it in its next report."""
        try:
            await self.relays.request(node, command, Ack)
        except Rejection as rejection:
            log.warning("relay_command_failed", node=node, code=rejection.problem.code, kind=type(command).__name__)

    async def _look_up(self, find: Callable[[], F | None]) -> F | None:
        """Returns what `find` finds; while the directory is not complete, waits for what it does not find yet."""
        while True:
            found = find()
            left_s = self._started_at + DIRECTORY_COMPLETE_S - self._now()
            if found is not None or left_s <= 0:
                return found
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._changed.wait()


def owner_of(body: Publish | Play) -> str:
    """The owner of the transport that an offer is about, as the relay knows it: a session, or one WHIP or WHEP resource of it."""
    return f"{body.session_id}/{body.resource}" if body.resource else body.session_id
