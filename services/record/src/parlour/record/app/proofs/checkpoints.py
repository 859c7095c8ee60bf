"""Makes checkpoints: the heads of the rooms that changed become leaves of the tree, and its root is signed.

A checkpoint costs the new leaves and one row of hashes for each level; `tree_guard` says what checking the tree before it costs. Two
replicas that make one at once can't fork the tree: the store takes one history of sizes. A checkpoint is stored outside the database
before the database gets it, and added again, as it was signed, if it did not arrive: nothing is signed twice.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from parlour.contracts.proofs import TreeQuery, TreeStanding
from parlour.kernel.decider import Clock
from parlour.kernel.merkle import Edge, leaf_hash
from parlour.runtime.telemetry.logging import logger
from parlour.verify.notes import Checkpoint, SigningKey, sign_note

from .tree import Note, PendingCheckpoint, SignedTree, TreeDamaged, TreeGrowth, TreeMemory, TreeMemoryStore, TreeStore
from .tree_guard import TreeGuard

log = logger(__name__)
T = TypeVar("T")

EVENTS_PER_CHECKPOINT = 20_000
"""Events of one shard behind one checkpoint; a longer backlog makes several at once."""
REFUSED_LOGGED = 10
"""Refused heads that are logged one by one at a checkpoint; all are counted."""
SIZES_SHOWN = 20
"""Last checkpoints named in a status: what `parlour doctor` compares at once."""


class TreeStatus(msgspec.Struct):
    """What metrics and `status` show. `problem` is empty while the tree is as it was signed; `refused` counts heads since the start."""

    size: int = 0
    problem: str = ""
    refused: int = 0


class Checkpoints:
    """The leading replica calls `run`, every replica `watch`. Methods raise `TreeDamaged` if the tree is not the signed one."""

    def __init__(
        self, tree: TreeStore, signing_keys: Callable[[], Awaitable[tuple[SigningKey, ...]]], guard: TreeGuard,
        memory_store: TreeMemoryStore, clock: Clock,
    ) -> None:  # fmt: skip
        self.status = TreeStatus()
        self._tree = tree
        self._signing_keys = signing_keys
        self._guard = guard
        self._memory_store = memory_store
        self._clock = clock
        self._memory: TreeMemory | None = None
        self._lock = asyncio.Lock()

    async def run(self, every_s: float) -> None:
        """Makes checkpoints every `every_s`; never returns. A damaged tree stops nothing else, and only until it is restored."""
        while True:
            with contextlib.suppress(TreeDamaged):
                while await self.make():
                    pass
            await asyncio.sleep(every_s)

    async def watch(self, every_s: float) -> None:
        """Checks the tree every `every_s`; never returns. So a replica that signs nothing also remembers what was signed."""
        while True:
            with contextlib.suppress(TreeDamaged):
                await self.check()
            await asyncio.sleep(every_s)

    async def make(self) -> bool:
        """Makes one checkpoint if any log has moved; returns whether more events wait for the next."""
        return await self._run_tracked(self._make)

    async def check(self, *, whole: bool = False) -> None:
        """Checks the tree; `whole` computes all of it from its leaves."""
        await self._run_tracked(lambda: self._verify(whole=whole))

    async def answer_status(self, query: TreeQuery) -> TreeStanding:
        """Returns what the last check of this replica found, or what a whole one finds now if the query asks for it."""
        if query.whole:
            with contextlib.suppress(TreeDamaged):
                await self.check(whole=True)
        now = self.status
        return TreeStanding(now.size, now.problem, now.refused, await self._tree.sizes(SIZES_SHOWN))

    async def _run_tracked(self, work: Callable[[], Awaitable[T]]) -> T:
        """Does one piece of work at a time; keeps `status` and logs a new problem."""
        async with self._lock:
            try:
                done = await work()
            except TreeDamaged as error:
                if str(error) != self.status.problem:
                    log.error("tree_damaged", error=str(error), size=self.status.size)
                self.status.problem = str(error)
                raise
            self.status.problem = ""
            return done

    async def _verify(self, *, whole: bool = False) -> Edge:
        """Returns the right edge of the tree in the database, checked and remembered."""
        memory = await self._load_memory()
        if memory.next is not None:
            memory = await self._settle(memory, memory.next)
        edge = await self._guard.verify((memory.last,), whole=whole)
        found = SignedTree(edge.size, edge.root())
        if found != memory.last:
            await self._save_memory(TreeMemory(found))
        self.status.size = found.size
        return edge

    async def _settle(self, memory: TreeMemory, pending: PendingCheckpoint) -> TreeMemory:
        """Adds a checkpoint that may not have arrived, unless another replica's checkpoint, of our own key, came first."""
        note = await self._tree.note(0)
        if note is None or note.size <= memory.last.size:
            edge = await self._guard.verify((memory.last,))
            nodes = edge.extend(leaf_hash(leaf.entry()) for leaf in pending.leaves)
            if await self._tree.grow(memory.last.size, pending.growth, nodes, pending.note):
                log.warning("checkpoint_published_again", size=pending.note.size)
                return await self._save_memory(TreeMemory(pending.tree))
        there = await self._tree.note(pending.note.size)
        arrived = there is not None and there.root == pending.note.root
        await self._guard.verify((memory.last, pending.tree) if arrived else (memory.last,))
        return await self._save_memory(TreeMemory(pending.tree if arrived else memory.last))

    async def _make(self) -> bool:
        # Verified before the store is asked what moved: leaves that somebody adds in between make `grow` return False.
        edge = await self._verify()
        last = SignedTree(edge.size, edge.root())
        growth = await self._tree.changed(EVENTS_PER_CHECKPOINT)
        if not growth.moved:
            return False
        self._note_refused(growth)
        nodes = edge.extend(leaf_hash(leaf.entry()) for leaf in growth.leaves)
        keys = await self._signing_keys()
        root = edge.root()
        text = sign_note(Checkpoint(keys[0].public.name, edge.size, root).text(), keys)
        pending = PendingCheckpoint(Note(edge.size, root, self._clock.at(), text), growth.leaves, growth.moved)
        if growth.leaves:
            await self._save_memory(TreeMemory(last, pending))
        if await self._tree.grow(last.size, growth, nodes, pending.note) and growth.leaves:
            self._memory = TreeMemory(pending.tree)
            self.status.size = edge.size
        return growth.more

    def _note_refused(self, growth: TreeGrowth) -> None:
        self.status.refused += len(growth.refused)
        for leaf in growth.refused[:REFUSED_LOGGED]:
            log.error("head_refused", room_uid=str(leaf.room_uid), seq=leaf.seq)

    async def _load_memory(self) -> TreeMemory:
        if self._memory is None:
            try:
                self._memory = await asyncio.to_thread(self._memory_store.load) or TreeMemory()
            except OSError as error:
                raise TreeDamaged(f"what was signed last can't be read: {error}") from error
        return self._memory

    async def _save_memory(self, memory: TreeMemory) -> TreeMemory:
        try:
            await asyncio.to_thread(self._memory_store.save, memory)
        except OSError as error:
            raise TreeDamaged(f"what is signed can't be written down outside the database: {error}") from error
        self._memory = memory
        return memory
