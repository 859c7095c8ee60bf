"""What a replica remembers of the tree that was signed last, outside the database: whoever rewrites the database does not reach it."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from parlour.kernel.merkle import EMPTY_ROOT

from .tree import Leaf, Note, TreeGrowth


class SignedTree(msgspec.Struct, frozen=True):
    """A tree's size and root. The empty tree is what a new installation begins with."""

    size: int = 0
    root: bytes = EMPTY_ROOT


class PendingCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint that is signed and maybe not in the database yet, with all that it takes to put it there again, byte for byte."""

    note: Note
    leaves: tuple[Leaf, ...]
    moved: Mapping[int, int]

    @property
    def tree(self) -> SignedTree:
        """What it signs."""
        return SignedTree(self.note.size, self.note.root)

    @property
    def change(self) -> TreeGrowth:
        """What it takes up."""
        return TreeGrowth(self.leaves, self.moved, False)


class TreeMemory(msgspec.Struct, frozen=True):
    """`last` is in the database; `next` extends it and is written down before the database gets it."""

    last: SignedTree = SignedTree()
    next: PendingCheckpoint | None = None


class TreeMemoryStore(Protocol):
    """Where a replica keeps its memory. Methods block; OSError where the place can't be read or written."""

    def load(self) -> TreeMemory | None:
        """None: nothing was remembered yet. `TreeDamaged` where what stands there can't be read."""
        ...

    def save(self, memory: TreeMemory) -> None:
        """On disk when it returns."""
        ...
