"""Empties the node before it stops: no new streams, and each client is asked to move its transports to another node.

`NodeDrain.run` announces the drain by a heartbeat. A registry that knows a node which takes new transports answers it with
`MoveTransports`; without such an answer there is nowhere to go, and the node does not wait. Clients are asked one by one, in random
order and at most `moves_per_s` of them in a second, so that their offers do not reach the other nodes at once.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Protocol

from parlour.contracts.relay import Ack
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.heartbeat import NodeHeartbeat
from parlour.relay.domain.session import SessionTable, Transport
from parlour.runtime.telemetry.logging import logger

ANSWER_WAIT_S = 1.0
"""How long a draining node waits for a registry to say that there is another node: a few round trips on a busy machine."""
CHECK_INTERVAL_S = 0.1
"""Between two looks at the session table when every client was asked."""

log = logger(__name__)


class Shuffler(Protocol):
    """The part of `random.Random` that a drain needs."""

    def shuffle(self, x: list[Transport]) -> None:
        """Brings a list into random order."""
        ...

    def uniform(self, a: float, b: float) -> float:
        """A number between `a` and `b`."""
        ...


@dataclass(eq=False)
class NodeDrain:
    """Drains one node. `deadline_s` is how long clients have to move, in seconds."""

    _table: SessionTable
    _facts: FactPublisher
    _heartbeat: NodeHeartbeat
    _chance: Shuffler
    deadline_s: float
    moves_per_s: float
    answer_wait_s: float = ANSWER_WAIT_S
    _moving: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    async def run(self) -> None:
        """Returns when the node has no transport any more, when nobody can take them, or when the deadline is over."""
        self._heartbeat.draining = True
        self._heartbeat.publish()
        log.info("drain_began", transports=len(self._table.transports))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.deadline_s):
                if self._table.transports and await self._may_move():
                    await self._move_all()
        log.info("drain_ended", transports=len(self._table.transports))

    def move_transports(self) -> Ack:
        """Handles `MoveTransports`: another node takes new transports."""
        changed = self._heartbeat.draining and not self._moving.is_set()
        if changed:
            self._moving.set()
        return Ack(changed)

    async def _may_move(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.answer_wait_s):
                await self._moving.wait()
        return self._moving.is_set()

    async def _move_all(self) -> None:
        """Asks for each transport once, also for one that is made meanwhile, and waits until all are gone."""
        asked: set[str] = set()
        while self._table.transports:
            waiting = [each for each in self._table.transports.values() if each.transport_id not in asked]
            self._chance.shuffle(waiting)
            for transport in waiting:
                asked.add(transport.transport_id)
                if transport.transport_id in self._table.transports:
                    self._facts.publish_move(transport)
                    await asyncio.sleep(self._chance.uniform(1.0, 1.5) / self.moves_per_s)
            await asyncio.sleep(CHECK_INTERVAL_S)
