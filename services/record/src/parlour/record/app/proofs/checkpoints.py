"""Makes checkpoints: every so often the heads of the rooms that changed become leaves, and the tree over all leaves is signed.

A checkpoint costs the new leaves and one row of kept hashes for each level; what checking the tree before it costs is in `tree_guard`. Two
replicas that make one at once can't fork it: the store takes one history of sizes. A checkpoint is written down outside the database before
the database gets it, and given to it again, as it was signed, where it did not arrive: nothing is signed twice.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from parlour.kernel.merkle import Edge, leaf_hash
from parlour.runtime.signing.notes import Checkpoint, SigningKey, sign
from parlour.runtime.telemetry.logging import logger

from .signed_tree import PendingCheckpoint, SignedTree, TreeMemory, TreeMemoryStore
from .tree import Note, TreeDamaged, TreeGrowth, TreeStore
from .tree_guard import TreeGuard

log = logger(__name__)
T = TypeVar("T")

EVENTS_AT_ONCE = 20_000
"""Events of one shard behind one checkpoint; a longer backlog makes several at once."""
HEADS_NAMED = 10
"""Refused heads that the log names one by one at a checkpoint; their number is counted in any case."""


class TreeStatus(msgspec.Struct):
    """What `status` and the metrics show. `problem` is empty while the tree is as it was signed; `refused` counts heads since the start."""

    size: int = 0
    problem: str = ""
    refused: int = 0


class Checkpoints:
    """`run` and `watch` are endless; `take` makes a checkpoint, `look` only checks. `TreeDamaged`: nothing was signed."""

    def __init__(
        self, tree: TreeStore, keys: Callable[[], Awaitable[tuple[SigningKey, ...]]], guard: TreeGuard, store: TreeMemoryStore,
        now_us: Callable[[], int],
    ) -> None:  # fmt: skip
        self.standing = TreeStatus()
        self._tree = tree
        self._keys = keys
        self._guard = guard
        self._store = store
        self._now_us = now_us
        self._memory: TreeMemory | None = None
        self._one_at_a_time = asyncio.Lock()

    async def run(self, every_s: float) -> None:
        """A checkpoint every `every_s`, for ever. A damaged tree stops that alone, and only until it is restored."""
        while True:
            with contextlib.suppress(TreeDamaged):
                while await self.take():
                    pass
            await asyncio.sleep(every_s)

    async def watch(self, every_s: float) -> None:
        """Looks every `every_s`, for ever: a replica that signs nothing remembers too what was signed."""
        while True:
            with contextlib.suppress(TreeDamaged):
                await self.look()
            await asyncio.sleep(every_s)

    async def take(self) -> bool:
        """One checkpoint, if any log has moved; whether there is a backlog."""
        return await self._noted(self._take)

    async def look(self, *, whole: bool = False) -> None:
        """Checks the tree, `whole`: all of it from its leaves on."""
        await self._noted(lambda: self._verified(whole=whole))

    async def _noted(self, work: Callable[[], Awaitable[T]]) -> T:
        """One piece of work at a time; what became of it stands in `standing`, and a new problem in the log."""
        async with self._one_at_a_time:
            try:
                done = await work()
            except TreeDamaged as error:
                if str(error) != self.standing.problem:
                    log.error("tree_damaged", error=str(error), size=self.standing.size)
                self.standing.problem = str(error)
                raise
            self.standing.problem = ""
            return done

    async def _verified(self, *, whole: bool = False) -> Edge:
        """The right edge of the tree that the database has, after it was checked and remembered."""
        memory = await self._remembered()
        if memory.next is not None:
            memory = await self._settle(memory, memory.next)
        edge = await self._guard.verify((memory.last,), whole=whole)
        found = SignedTree(edge.size, edge.root())
        if found != memory.last:
            await self._remember(TreeMemory(found))
        self.standing.size = found.size
        return edge

    async def _settle(self, memory: TreeMemory, signed: PendingCheckpoint) -> TreeMemory:
        """Publishes what was signed and maybe did not arrive, unless another replica's checkpoint, of our own key, came first."""
        note = await self._tree.note(0)
        if note is None or note.size <= memory.last.size:
            edge = await self._guard.verify((memory.last,))
            nodes = edge.extend(leaf_hash(leaf.entry()) for leaf in signed.leaves)
            if await self._tree.grow(memory.last.size, signed.change, nodes, signed.note):
                log.warning("checkpoint_published_again", size=signed.note.size)
                return await self._remember(TreeMemory(signed.tree))
        there = await self._tree.note(signed.note.size)
        arrived = there is not None and there.root == signed.note.root
        await self._guard.verify((memory.last, signed.tree) if arrived else (memory.last,))
        return await self._remember(TreeMemory(signed.tree if arrived else memory.last))

    async def _take(self) -> bool:
        # Before the look at what moved: what somebody adds in between makes `grow` say no.
        edge = await self._verified()
        last = SignedTree(edge.size, edge.root())
        change = await self._tree.changed(EVENTS_AT_ONCE)
        if not change.moved:
            return False
        self._note_refused(change)
        nodes = edge.extend(leaf_hash(leaf.entry()) for leaf in change.leaves)
        keys = await self._keys()
        root = edge.root()
        text = sign(Checkpoint(keys[0].public.name, edge.size, root).text(), keys)
        signed = PendingCheckpoint(Note(edge.size, root, self._now_us(), text), change.leaves, change.moved)
        if change.leaves:
            await self._remember(TreeMemory(last, signed))
        if await self._tree.grow(last.size, change, nodes, signed.note) and change.leaves:
            self._memory = TreeMemory(signed.tree)
            self.standing.size = edge.size
        return change.more

    def _note_refused(self, change: TreeGrowth) -> None:
        self.standing.refused += len(change.refused)
        for leaf in change.refused[:HEADS_NAMED]:
            log.error("head_refused", room_uid=str(leaf.room_uid), seq=leaf.seq)

    async def _remembered(self) -> TreeMemory:
        if self._memory is None:
            try:
                self._memory = await asyncio.to_thread(self._store.load) or TreeMemory()
            except OSError as error:
                raise TreeDamaged(f"what was signed last can't be read: {error}") from error
        return self._memory

    async def _remember(self, memory: TreeMemory) -> TreeMemory:
        try:
            await asyncio.to_thread(self._store.save, memory)
        except OSError as error:
            raise TreeDamaged(f"what is signed can't be written down outside the database: {error}") from error
        self._memory = memory
        return memory
