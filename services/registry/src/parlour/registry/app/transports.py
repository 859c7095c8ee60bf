"""Offers to relay nodes, and taking them back.

A session has one transport to publish and one to play on a node; it names the one that an offer renews. A transport of somebody else, or
one that is gone, is not found: the client then offers on a new peer connection.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.commands import Media, Published
from parlour.contracts.relay import (
    AnyRelayCommand,
    BoundStream,
    CloseTransport,
    Done,
    Negotiate,
    Negotiated,
    PlayMedia,
    PublishMedia,
    StopPlay,
    StopPublish,
)
from parlour.kernel.rejection import Rejection
from parlour.registry.domain.nodes import Nodes, Transport
from parlour.runtime.telemetry.logging import logger

from .ports import Relays

KNOWN_WITHIN_S = 3.0
"""A registry that has just started hears of every node within a heartbeat; until then it waits rather than says no."""

log = logger(__name__)
F = TypeVar("F")


class Offer(msgspec.Struct, frozen=True):
    """A client's offer. `resource` sets a transport apart from the session's others (WHIP and WHEP)."""

    app: int
    room: str
    session_id: str
    sdp: str
    command_id: str
    transport_id: str = ""
    resource: str = ""
    user: str = ""
    """The person, as the record names them: the relay limits what one takes of a node."""

    @property
    def owner(self) -> str:
        """As the relay knows it."""
        return f"{self.session_id}/{self.resource}" if self.resource else self.session_id


class Answer(msgspec.Struct, frozen=True):
    """The relay's answer; `new`: the transport began with it."""

    node: str
    transport_id: str
    sdp: str
    new: bool
    publishes: tuple[BoundStream, ...] = ()

    def published(self, stream_id: str) -> BoundStream:
        """What was negotiated for a stream: its m-lines and its video codec."""
        return next(
            (bound for bound in self.publishes if bound.stream_id == stream_id), BoundStream(stream_id, Media())
        )


class Transports:
    """Relay transports of all sessions."""

    def __init__(self, nodes: Nodes, relays: Relays) -> None:
        self._nodes = nodes
        self._relays = relays
        self._chance = random.Random()
        self._began = time.monotonic()
        self._news = asyncio.Event()

    def news(self) -> None:
        """The directory of nodes has changed."""
        self._news.set()

    async def place(self) -> str:
        """A node for a new transport."""
        node = await self._once_known(lambda: self._nodes.place(time.monotonic(), self._chance))
        if node is None:
            raise Rejection.of(Code.RELAY_UNAVAILABLE, "no relay node is up", hint="try again in a few seconds")
        return node

    async def find(self, transport_id: str, session_id: str) -> Transport:
        """The session's transport."""
        found = await self._once_known(lambda: self._nodes.find(transport_id))
        if found is None or found.session_id != session_id:
            raise Rejection.of(Code.NOT_FOUND, "the transport is gone", field="transportID",
                               hint="offer on a new peer connection, without transportID")  # fmt: skip
        return found

    async def negotiate(
        self, offer: Offer, node: str, publish: tuple[PublishMedia, ...] = (), play: tuple[PlayMedia, ...] = ()
    ) -> Answer:
        """Gives an offer to a node."""
        command = Negotiate(offer.app, offer.owner, offer.sdp, offer.transport_id, publish, play, offer.command_id,
                            offer.user)  # fmt: skip
        made = await self._relays.call(node, command, Negotiated)
        rooms = frozenset((offer.room,))
        self._nodes.learned(Transport(made.transport_id, node, offer.owner, offer.app, rooms))
        return Answer(node, made.transport_id, made.sdp, made.transport_id != offer.transport_id, made.publishes)

    async def call(self, node: str, command: AnyRelayCommand, result_type: type[F]) -> F:
        """What else a node is asked about a transport."""
        return await self._relays.call(node, command, result_type)

    async def stop_publish(self, node: str, transport_id: str, stream_id: str) -> None:
        """The node forwards the stream no more."""
        await self._quietly(node, StopPublish(transport_id, stream_id))

    async def stop_play(self, node: str, transport_id: str, stream_id: str) -> None:
        """The node sends the stream on this transport no more."""
        await self._quietly(node, StopPlay(transport_id, stream_id))

    async def close(self, node: str, transport_id: str) -> None:
        """The transport ends."""
        self._nodes.forget(transport_id)
        await self._quietly(node, CloseTransport(transport_id))

    async def take_back(self, answer: Answer) -> None:
        """A transport that began with an answer which nobody gets."""
        if answer.new:
            await self.close(answer.node, answer.transport_id)

    async def drop_unless(self, answer: Answer, first: bytes) -> None:
        """A repeated command gets its first answer; a transport that only the repetition began has no client."""
        if msgspec.json.decode(first, type=Published).transport_id != answer.transport_id:
            await self.take_back(answer)

    async def close_own(self, transport_id: str, session_id: str) -> bool:
        """A session's transport ends, if it is there and is that session's; whether it was."""
        found = self._nodes.find(transport_id)
        if found is None or found.session_id != session_id:
            return False
        await self.close(found.node, transport_id)
        return True

    async def close_all(self, transports: Iterable[Transport]) -> None:
        """Several end."""
        for transport in transports:
            await self.close(transport.node, transport.transport_id)

    def of_session(self, session_id: str) -> tuple[Transport, ...]:
        """What a session has."""
        return self._nodes.of_session(session_id)

    async def _once_known(self, look: Callable[[], F | None]) -> F | None:
        """What is looked for, which at the start may be a heartbeat away."""
        while True:
            found = look()
            left = self._began + KNOWN_WITHIN_S - time.monotonic()
            if found is not None or left <= 0:
                return found
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    async def _quietly(self, node: str, command: AnyRelayCommand) -> None:
        """A node that is away has dropped the transport too, or tells of it in its next report."""
        try:
            await self._relays.call(node, command, Done)
        except Rejection as rejection:
            log.warning("relay_did_not_follow", node=node, code=rejection.problem.code, kind=type(command).__name__)
