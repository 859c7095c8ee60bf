"""Checks that the tree in the database is the one that was signed, before anything more is signed on top of it.

Rules:
1. The latest checkpoint is of a key of ours, and its root is the one over the stored leaves.
2. It continues what this replica saw before, in memory or in the file that it keeps outside the database.
3. The whole tree is computed anew at the start, and again before each signature as long as that is cheap (see `FULL_SHARE`); between two
   of these the right edge of the tree, which everything new hangs on, is compared with the stored hashes.
"""

import asyncio
from collections.abc import Awaitable, Callable

from parlour.kernel.merkle import WIDTH, Edge, HashRun, leaf_hash
from parlour.verify.notes import BadNote, PublicKey, open_note, parse_checkpoint

from .tree import Note, SignedTree, StoredLeaf, TreeDamaged, TreeStore

LEAVES_PER_READ = 16 * WIDTH
"""Leaves read and hashed at once: some ten milliseconds."""
FULL_SHARE = 0.02
"""The part of the time that computing the whole tree anew may take: one that takes a second is computed every 50 s."""

OwnKeys = Callable[[], Awaitable[tuple[PublicKey, ...]]]
"""Returns the public halves of the keys that only this installation can have made."""


class TreeGuard:
    """`Checkpoints` calls `verify` before it grows the tree."""

    def __init__(self, tree: TreeStore, own_keys: OwnKeys) -> None:
        self._tree = tree
        self._own_keys = own_keys
        self._edge: Edge | None = None
        self._next_full = 0.0
        """When the whole tree is computed again, by the event loop's clock."""

    async def verify(self, seen: tuple[SignedTree, ...], *, whole: bool = False) -> Edge:
        """Returns the edge to grow from, or raises `TreeDamaged`.

        `seen` are trees that the one in the database must be or continue; `whole` computes all of it anew in any case.
        """
        note = await self._tree.note(0)
        size = note.size if note is not None else 0
        for one in seen:
            if size < one.size:
                raise TreeDamaged(f"the last checkpoint has {size} leaves, one of {one.size} was signed")
        if note is not None:
            await self._check_note(note, seen)
        now = asyncio.get_running_loop().time
        began = now()
        full = whole or self._edge is None or began >= self._next_full or size < self._edge.size
        edge = Edge() if full or self._edge is None else self._edge.copy()
        await self._grow(edge, size, seen)
        if note is not None and edge.root() != note.root:
            raise TreeDamaged(
                f"the {size} leaves that are kept do not lead to the signed root: one of them was changed"
            )
        await self._check_edge(edge)
        self._edge = edge
        if full:
            self._next_full = now() + (now() - began) / FULL_SHARE
        return edge.copy()

    async def _check_note(self, note: Note, seen: tuple[SignedTree, ...]) -> None:
        try:
            said = parse_checkpoint(note.text)
            # What this replica remembers it has signed or checked before, maybe with a key that no longer opens.
            if SignedTree(said.size, said.root) not in seen:
                open_note(note.text, await self._own_keys())
        except BadNote as error:
            raise TreeDamaged(f"the last checkpoint: {error}") from None
        if (said.size, said.root) != (note.size, note.root):
            raise TreeDamaged("the last checkpoint's row says other than its note")

    async def _grow(self, edge: Edge, size: int, seen: tuple[SignedTree, ...]) -> None:
        """Adds the leaves from the edge's end to `size`, comparing on the way with the roots that were seen before."""
        roots = {one.size: one.root for one in seen if edge.size <= one.size}
        reads = range(edge.size + LEAVES_PER_READ, size, LEAVES_PER_READ)
        for stop in sorted({*(stop for stop in roots if stop <= size), *reads, size}):
            if stop > edge.size:
                leaves = await self._tree.stored_leaves(edge.size, stop - edge.size)
                if len(leaves) != stop - edge.size:
                    raise TreeDamaged(f"leaf {edge.size + len(leaves)} of {size} is missing")
                await self._check_nodes(await asyncio.to_thread(_extend, edge, leaves))
            if stop in roots and edge.root() != roots[stop]:
                raise TreeDamaged(
                    f"the tree of {stop} leaves is not the one that was signed: another stands in its place"
                )

    async def _check_nodes(self, nodes: dict[HashRun, bytes]) -> None:
        stored = await self._tree.hashes(tuple(nodes))
        for run, hash_ in nodes.items():
            if stored[run] != (hash_,):
                raise TreeDamaged(f"the kept hash {run.level}/{run.first} is not that of the leaves below it")

    async def _check_edge(self, edge: Edge) -> None:
        """Checks the hashes at the right edge, which proofs are made of, and that no leaf stands behind it."""
        runs = Edge.runs(edge.size)
        stored = await self._tree.hashes(runs)
        if tuple(stored[run] for run in runs) != edge.rows()[: len(runs)]:
            raise TreeDamaged("a leaf near the end of the tree was changed after it was signed")
        extent = await self._tree.extent()
        if extent > edge.size:
            note = await self._tree.note(0)  # another replica may have made a checkpoint meanwhile
            if note is None or note.size < extent:
                raise TreeDamaged(
                    f"the tree has leaves that no checkpoint covers: {extent} are kept, {edge.size} signed"
                )


def _extend(edge: Edge, leaves: tuple[StoredLeaf, ...]) -> dict[HashRun, bytes]:
    """Returns the new hashes above the leaves. `TreeDamaged` at a leaf whose stored hash is not its own."""
    hashes: list[bytes] = []
    for one in leaves:
        hash_ = leaf_hash(one.leaf.entry())
        if hash_ != one.hash:
            raise TreeDamaged(
                f"leaf {edge.size + len(hashes)} has another hash than its entry (room {one.leaf.room_uid})"
            )
        hashes.append(hash_)
    return {HashRun(node.level, node.index, 1): node.hash for node in edge.extend(hashes)}
