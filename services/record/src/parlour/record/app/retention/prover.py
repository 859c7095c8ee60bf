"""Proofs that many heads are in one checkpoint: hashes that the proofs share are read and computed once.

Heads that lie near each other in the tree share all but the first steps of their paths, and those of a month mostly do.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from parlour.contracts.proofs import Inclusion
from parlour.kernel import merkle
from parlour.kernel.merkle import WIDTH, WIDTH_BITS, Range, Run
from parlour.record.app.archive_index import EndedCall
from parlour.record.app.proofs.tree import Leaf, Note, TreeStore
from parlour.runtime.postgres.cache import Cache

TILES_CACHED = 256
"""Tiles of up to 256 hashes: 2 MB."""
RANGES_CACHED = 20_000
CACHED_FOR_S = 600.0


class InclusionProver:
    """The archive writer calls `prove` for one page of calls after the other, all in the same checkpoint."""

    def __init__(self, tree: TreeStore, note: Note) -> None:
        self._tree = tree
        self._note = note
        self._tiles: Cache[tuple[int, int], tuple[bytes, ...]] = Cache(TILES_CACHED, CACHED_FOR_S)
        self._ranges: Cache[Range, bytes] = Cache(RANGES_CACHED, CACHED_FOR_S)

    async def prove(self, calls: Sequence[EndedCall]) -> Mapping[UUID, Inclusion]:
        """Returns proofs by the calls' ids; a call whose last event no checkpoint holds has none."""
        heads = [Leaf(call.uid, call.seq, call.hash) for call in calls]
        numbers = await self._tree.leaf_numbers(heads, self._note.size)
        return {leaf.room_uid: await self._inclusion(leaf, index) for leaf, index in numbers.items()}

    async def _inclusion(self, leaf: Leaf, index: int) -> Inclusion:
        size = self._note.size
        path = tuple([await self._range(part) for part in merkle.inclusion(index, size)])
        return Inclusion(str(leaf.room_uid), leaf.seq, leaf.head, index, size, path, self._note.text)

    async def _range(self, part: Range) -> bytes:
        known = self._ranges.get(part)
        if known is None:
            runs = {run: await self._run(run) for run in merkle.subtrees(*part)}
            known = merkle.hash_of(*part, runs.__getitem__)
            self._ranges.put(part, known)
        return known

    async def _run(self, run: Run) -> tuple[bytes, ...]:
        """Returns a run's hashes from its tile, which a run of a subtree never reaches beyond."""
        tile = run.first // WIDTH
        row = self._tiles.get((run.level, tile))
        if row is None:
            first = tile * WIDTH
            whole = Run(run.level, first, min(WIDTH, (self._note.size >> (run.level * WIDTH_BITS)) - first))
            row = (await self._tree.hashes([whole]))[whole]
            self._tiles.put((run.level, tile), row)
        at = run.first % WIDTH
        return row[at : at + run.count]
