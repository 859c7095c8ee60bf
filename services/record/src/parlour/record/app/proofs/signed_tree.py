"""What a replica remembers, outside the database, of the tree that was signed last: whoever rewrites the database does not reach it."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from parlour.kernel.merkle import EMPTY_ROOT

from .tree import Leaf, Note, TreeGrowth


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
