"""Losses that no registry was there to hear of, found by holding the record against the nodes.

A relay tells once that a transport is gone. Where every registry was away at that moment, or died before it had acted, the stream would
stay on the record for as long as its session. So each replica looks: soon after its start, and then now and then. What is on the record on
a transport that we do not know is only a suspicion; its node's fresh report, asked for after the record was read, makes it certain. A node
that nobody has heard for its whole time of silence carries nothing.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.registry.domain.nodes import SILENT_S, Nodes, Transport
from parlour.registry.domain.state import Streams
from parlour.runtime.deciding.rooms import StateCache
from parlour.runtime.telemetry.logging import logger

from .losing import Losing

FIRST_S = SILENT_S + 2.0
"""By then each node that is up was heard."""
EVERY_S = 30.0

log = logger(__name__)


class LiveRooms(Protocol):
    """Where rooms with streams are read from."""

    async def all(self) -> list[tuple[int, str]]:
        """App and room of every open room with a live stream."""
        ...


class Unnoticed:
    """`run` for ever; `look` once."""

    def __init__(
        self,
        rooms: LiveRooms,
        cache: StateCache[Streams],
        nodes: Nodes,
        losing: Losing,
        hears: Callable[[], Awaitable[bool]],
    ) -> None:
        self._rooms = rooms
        self._cache = cache
        self._nodes = nodes
        self._losing = losing
        self._hears = hears

    async def run(self) -> None:
        """Looks, and looks again."""
        pause = FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = EVERY_S * random.uniform(0.8, 1.2)
            try:
                if await self._hears():
                    await self.look()
            except (LogUnavailable, Rejection) as error:
                log.warning("losses_not_looked_for", error=str(error))
            except Exception as error:
                log.error("fault", where="unnoticed", error=repr(error), exc_info=error)

    async def look(self) -> None:
        """Has every stream and play end that the record has on a transport which is no more."""
        suspects: dict[str, list[Transport]] = {}
        for app, room in await self._rooms.all():
            for transport in await self._unknown(app, room):
                suspects.setdefault(transport.node, []).append(transport)
        for node, transports in suspects.items():
            if self._nodes.knows(node) and not await self._losing.ask(node):
                continue  # it will be looked at again
            gone = [transport for transport in transports if self._nodes.find(transport.transport_id) is None]
            if gone:
                log.warning("unnoticed_losses", node=node, transports=len(gone))
            for transport in gone:
                await self._losing.lose(transport)

    async def _unknown(self, app: int, room: str) -> list[Transport]:
        """Of one room: what the record has on transports that we never heard of, or have forgotten."""
        state = (await self._cache.load(app, room)).state
        if not state.open:
            return []
        there = [(s.transport_id, s.node, s.session_id) for s in state.streams.values()]
        there += [(t, p.node, p.session_id) for p in state.plays.values() for t in p.transports]
        rooms = frozenset((room,))
        return [Transport(t, node, owner, app, rooms) for t, node, owner in there if self._nodes.find(t) is None]
