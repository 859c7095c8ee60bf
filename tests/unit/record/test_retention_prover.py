"""Proofs of many heads at once are those that each would get alone, and what they share is read once."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import pytest

from parlour.kernel import merkle
from parlour.kernel.merkle import WIDTH, WIDTH_BITS, Edge, HashRun, leaf_hash
from parlour.record.app.archive_index import EndedCall
from parlour.record.app.proofs.tree import Leaf, Note, TreeStore
from parlour.record.app.retention.writer import InclusionProver


class Kept:
    """A tree in memory that counts what is read of it."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.numbers = {leaf: n for n, leaf in enumerate(leaves)}
        edge, row = Edge(), [leaf_hash(leaf.entry()) for leaf in leaves]
        self.rows: dict[tuple[int, int], bytes] = {(0, n): hash_ for n, hash_ in enumerate(row)}
        self.rows |= {(node.level, node.index): node.hash for node in edge.extend(row)}
        self.root = edge.root()
        self.reads = 0

    async def hashes(self, runs: Sequence[HashRun]) -> Mapping[HashRun, tuple[bytes, ...]]:
        self.reads += len(runs)
        return {run: tuple(self.rows[run.level, run.first + n] for n in range(run.count)) for run in runs}

    async def leaf_numbers(self, heads: Sequence[Leaf], below: int) -> Mapping[Leaf, int]:
        return {head: self.numbers[head] for head in heads if self.numbers.get(head, below) < below}


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000])
async def test_each_proof_leads_to_the_root(size: int) -> None:
    calls = [EndedCall(UUID(int=n), 7, "room", n + 1, bytes([n % 251]) * 32) for n in range(size)]
    tree = Kept([Leaf(call.uid, call.seq, call.hash) for call in calls])
    prover = InclusionProver(cast("TreeStore", cast("Any", tree)), Note(size, tree.root, 0, "note"))
    proofs = await prover.prove([*calls, EndedCall(UUID(int=10**9), 7, "room", 1, bytes(32))])
    assert len(proofs) == size
    for call in calls:
        proof = proofs[call.uid]
        leaf = leaf_hash(Leaf(call.uid, proof.seq, proof.hash).entry())
        assert merkle.includes(tree.root, size, proof.index, leaf, proof.path)
    levels = [size >> (level * WIDTH_BITS) for level in range(3)]
    assert tree.reads <= sum(-(-count // WIDTH) for count in levels), "each tile is read once"
