"""Parts of the tree of room heads, the port that stores it, and what a replica remembers, outside the database, of the tree that was signed
last: whoever rewrites the database does not reach that.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.proofs import head_entry
from parlour.kernel.merkle import EMPTY_ROOT, HashRun, Node


class Leaf(msgspec.Struct, frozen=True):
    """States that a log stood at `seq` with the chain hash `head`."""

    room_uid: UUID
    seq: int
    head: bytes

    def entry(self) -> bytes:
        """Returns the bytes that the leaf's hash is made of."""
        return head_entry(self.room_uid, self.seq, self.head)


class StoredLeaf(msgspec.Struct, frozen=True):
    """A leaf with the hash that the store has beside it, which need not be the hash of its entry."""

    leaf: Leaf
    hash: bytes


class TreeGrowth(msgspec.Struct, frozen=True):
    """Heads of logs that moved since the last checkpoint, up to the position `moved` of each shard; `more` says that others follow.

    `refused` are heads of logs whose last signed event is no longer there: no checkpoint takes them up.
    """

    leaves: tuple[Leaf, ...]
    moved: Mapping[int, int]
    more: bool
    refused: tuple[Leaf, ...] = ()


class Note(msgspec.Struct, frozen=True):
    """A checkpoint as a signed note (C2SP signed-note); `at` unix microseconds."""

    size: int
    root: bytes
    at: int
    text: str


class TreeDamaged(Exception):
    """The tree in the database is not the one that was signed; the text says where. Nothing is signed on top of it."""


class TreeStore(Protocol):
    """Stores leaves, hashes and checkpoints. Methods may raise `LogUnavailable`."""

    async def changed(self, at_most: int) -> TreeGrowth:
        """Returns what the next checkpoint takes up, looking at `at_most` events of each shard."""
        ...

    async def hashes(self, runs: Sequence[HashRun]) -> Mapping[HashRun, tuple[bytes, ...]]:
        """Returns stored hashes. `TreeDamaged` if some are missing."""
        ...

    async def stored_leaves(self, first: int, count: int) -> tuple[StoredLeaf, ...]:
        """Returns leaves by number with their stored hashes; fewer where the tree ends or has a hole."""
        ...

    async def extent(self) -> int:
        """Returns one more than the largest number of a leaf, whether a checkpoint covers it or not."""
        ...

    async def sizes(self, at_most: int) -> tuple[int, ...]:
        """Returns the sizes of the last checkpoints, the largest first."""
        ...

    async def note(self, size: int) -> Note | None:
        """Returns the checkpoint of a size; of size 0: the latest."""
        ...

    async def leaf_of(self, room_uid: UUID, below: int) -> tuple[int, Leaf] | None:
        """Returns a log's last leaf with a number under `below`, and that number."""
        ...

    async def leaf_numbers(self, heads: Sequence[Leaf], below: int) -> Mapping[Leaf, int]:
        """Returns the numbers under `below` of those heads that are leaves."""
        ...

    async def grow(self, from_size: int, change: TreeGrowth, nodes: Sequence[Node], note: Note) -> bool:
        """Adds all or nothing; returns False if the tree is no longer at `from_size`."""
        ...


class SignedTree(msgspec.Struct, frozen=True):
    """A tree's size and root; a new installation begins with the empty tree."""

    size: int = 0
    root: bytes = EMPTY_ROOT


class PendingCheckpoint(msgspec.Struct, frozen=True):
    """A signed checkpoint that may not be in the database yet, with all that it takes to add it again, byte for byte."""

    note: Note
    leaves: tuple[Leaf, ...]
    moved: Mapping[int, int]

    @property
    def tree(self) -> SignedTree:
        """The tree that it signs."""
        return SignedTree(self.note.size, self.note.root)

    @property
    def growth(self) -> TreeGrowth:
        """What it adds to the tree before it."""
        return TreeGrowth(self.leaves, self.moved, False)


class TreeMemory(msgspec.Struct, frozen=True):
    """`last` is in the database; `next` extends it and is stored here before the database gets it."""

    last: SignedTree = SignedTree()
    next: PendingCheckpoint | None = None


class TreeMemoryStore(Protocol):
    """Stores a replica's memory. Methods block; OSError where the file can't be read or written."""

    def load(self) -> TreeMemory | None:
        """Returns None before the first `save`. `TreeDamaged` where the file can't be decoded."""
        ...

    def save(self, memory: TreeMemory) -> None:
        """Stores it on disk before it returns."""
        ...
