"""Makes checkpoints: every so often the heads of the rooms that changed become leaves, and the tree over all leaves is signed.

A checkpoint costs the new leaves and one row of kept hashes for each level, whatever the size of the tree. Two replicas that make one at
once can't fork it: the store takes one history of sizes.
"""

import asyncio
from collections.abc import Awaitable, Callable

from parlour.kernel.merkle import Edge, leaf_hash
from parlour.runtime.signing.notes import Checkpoint, SigningKey, sign
from parlour.runtime.telemetry.logging import logger

from .tree import Note, Tree

log = logger(__name__)

EVENTS_AT_ONCE = 20_000
"""Events of one shard behind one checkpoint; a longer backlog makes several at once."""


class Checkpoints:
    """`run` is endless; `take` makes one."""

    def __init__(
        self, tree: Tree, keys: Callable[[], Awaitable[tuple[SigningKey, ...]]], origin: str, now_us: Callable[[], int]
    ) -> None:
        self._tree = tree
        self._keys = keys
        self._origin = origin
        self._now_us = now_us

    async def run(self, every_s: float) -> None:
        """A checkpoint every `every_s`, for ever."""
        while True:
            try:
                while await self.take():
                    pass
            except LookupError as error:  # the record's other work must not end with it
                log.error("tree_damaged", error=str(error))
            await asyncio.sleep(every_s)

    async def take(self) -> bool:
        """One checkpoint, if any log has moved; whether there is a backlog."""
        # Before the look at what moved: what somebody adds in between makes `grow` say no.
        last = await self._tree.note(0)
        change = await self._tree.changed(EVENTS_AT_ONCE)
        if not change.moved:
            return False
        edge = await self._edge(last.size if last else 0)
        size = edge.size
        nodes = edge.extend(leaf_hash(leaf.entry()) for leaf in change.leaves)
        root = edge.root()
        text = sign(Checkpoint(self._origin, edge.size, root).text(), await self._keys())
        await self._tree.grow(size, change, nodes, Note(edge.size, root, self._now_us(), text))
        return change.more

    async def _edge(self, size: int) -> Edge:
        runs = Edge.runs(size)
        kept = await self._tree.hashes(runs)
        return Edge(size, [kept[run] for run in runs])
