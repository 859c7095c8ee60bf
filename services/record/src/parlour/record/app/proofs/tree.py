"""What the tree of room heads is made of, and what keeps it."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.proofs import head_entry
from parlour.kernel.merkle import Node, Run


class Leaf(msgspec.Struct, frozen=True):
    """A log stood at `seq` with the chain hash `head`."""

    room_uid: UUID
    seq: int
    head: bytes

    def entry(self) -> bytes:
        """The leaf's bytes."""
        return head_entry(self.room_uid, self.seq, self.head)


class StoredLeaf(msgspec.Struct, frozen=True):
    """A leaf as the store has it: `hash` is what stands beside it, which need not be the hash of its entry."""

    leaf: Leaf
    hash: bytes


class TreeGrowth(msgspec.Struct, frozen=True):
    """Logs that moved since the last checkpoint, up to the position `moved` of each shard; `more` are behind those.

    `refused` are heads of logs whose last signed event is not there any more: no checkpoint takes them up.
    """

    leaves: tuple[Leaf, ...]
    moved: Mapping[int, int]
    more: bool
    refused: tuple[Leaf, ...] = ()


class Note(msgspec.Struct, frozen=True):
    """A signed checkpoint; `at` unix microseconds."""

    size: int
    root: bytes
    at: int
    text: str


class TreeDamaged(Exception):
    """The tree in the database is not what was signed; the text names the place. Nothing is signed over it."""


class TreeStore(Protocol):
    """Leaves, kept hashes and checkpoints. Methods may raise `LogUnavailable`."""

    async def changed(self, at_most: int) -> TreeGrowth:
        """What the next checkpoint takes up, at most so many events of a shard."""
        ...

    async def hashes(self, runs: Sequence[Run]) -> Mapping[Run, tuple[bytes, ...]]:
        """Kept hashes. LookupError where some are not there."""
        ...

    async def entries(self, first: int, count: int) -> tuple[Leaf, ...]:
        """Leaves by number."""
        ...

    async def kept(self, first: int, count: int) -> tuple[StoredLeaf, ...]:
        """Leaves by number, each with the hash that is kept of it; fewer where the tree ends or has a hole."""
        ...

    async def extent(self) -> int:
        """One more than the largest number of a leaf, whether a checkpoint covers it or not."""
        ...

    async def sizes(self, at_most: int) -> tuple[int, ...]:
        """The sizes of the last checkpoints, the largest first."""
        ...

    async def note(self, size: int) -> Note | None:
        """The checkpoint of a size; 0: the latest."""
        ...

    async def leaf_of(self, room_uid: UUID, below: int) -> tuple[int, Leaf] | None:
        """A log's last leaf with a number under `below`, and that number."""
        ...

    async def places(self, heads: Sequence[Leaf], below: int) -> Mapping[Leaf, int]:
        """The numbers under `below` of those heads that are leaves."""
        ...

    async def grow(self, from_size: int, change: TreeGrowth, nodes: Sequence[Node], note: Note) -> bool:
        """All or nothing; False when the tree is not at `from_size` any more."""
        ...
