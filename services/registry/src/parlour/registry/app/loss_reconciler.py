"""Finds losses of transports that no registry heard of, by comparing the log with the nodes.

A relay says once that a transport ended. Where every registry was away at that moment, or died before it had acted, the stream would stay
in the log for as long as its session. So each replica compares: soon after its start, and then now and then. A stream or play on a
transport that the directory does not know is only a suspicion; its node's report, asked for after the log was read, makes it certain. A
node that was not heard for its whole time of silence carries nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from parlour.kernel.log import LogUnavailable
from parlour.kernel.rejection import Rejection
from parlour.registry.domain import streams as domain
from parlour.registry.domain.node_directory import SILENT_AFTER_S, NodeDirectory, RelayTransport
from parlour.runtime.deciding.state_cache import StateCache
from parlour.runtime.telemetry.logging import logger

from .ports import Chance, LoadLiveRooms
from .transport_loss import TransportLossHandler

FIRST_RUN_S = SILENT_AFTER_S + 2.0
"""By then each node that is up was heard."""
RUN_INTERVAL_S = 30.0

log = logger(__name__)


class LossReconciler(msgspec.Struct, frozen=True):
    """Compares the log with the nodes: `run` until cancelled, `reconcile` once. `is_reachable` asks whether NATS delivers to us."""

    load_live_rooms: LoadLiveRooms
    rooms: StateCache[domain.State]
    nodes: NodeDirectory
    losses: TransportLossHandler
    is_reachable: Callable[[], Awaitable[bool]]
    chance: Chance

    async def run(self) -> None:
        """Reconciles again and again until cancelled, at intervals that differ between replicas."""
        pause_s = FIRST_RUN_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = RUN_INTERVAL_S * self.chance.uniform(0.8, 1.2)
            try:
                if await self.is_reachable():
                    await self.reconcile()
            except (LogUnavailable, Rejection) as error:
                log.warning("loss_reconciliation_failed", error=str(error))
            except Exception as error:
                log.error("fault", where="loss reconciler", error=repr(error), exc_info=error)

    async def reconcile(self) -> None:
        """Has every stream and play end that the log has on a transport which does not exist any more."""
        suspects: dict[str, list[RelayTransport]] = {}
        for app, room in await self.load_live_rooms():
            for transport in await self._unknown_transports(app, room):
                suspects.setdefault(transport.node, []).append(transport)
        for node, transports in suspects.items():
            if self.nodes.is_up(node) and not await self.losses.refresh_node(node):
                continue  # the next run asks again
            gone = [each for each in transports if self.nodes.find_transport(each.transport_id) is None]
            if gone:
                log.warning("losses_reconciled", node=node, transports=len(gone))
            for transport in gone:
                await self.losses.lose_transport(transport)

    async def _unknown_transports(self, app: int, room: str) -> list[RelayTransport]:
        state = (await self.rooms.load(app, room)).state
        if isinstance(state, domain.Closed):
            return []
        used = [(stream.transport_id, stream.node, stream.session_id) for stream in state.streams.values()]
        used += [(each, play.node, play.session_id) for play in state.plays.values() for each in play.transports]
        return [
            RelayTransport(transport_id, node, owner, app, frozenset((room,)))
            for transport_id, node, owner in used
            if self.nodes.find_transport(transport_id) is None
        ]
