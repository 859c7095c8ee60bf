"""Answers how the tree of room heads stands, for `parlour doctor`."""

import contextlib

from parlour.contracts import proofs as contract

from .checkpoints import Checkpoints
from .tree import TreeDamaged, TreeStore

SIZES = 20
"""Last checkpoints that are named: what a doctor compares in one look."""


class TreeChecks:
    """Each answer is of this replica; `whole` computes the tree anew, one asker at a time."""

    def __init__(self, tree: TreeStore, checkpoints: Checkpoints) -> None:
        self._tree = tree
        self._checkpoints = checkpoints

    async def standing(self, query: contract.TreeQuery) -> contract.TreeStanding:
        """What the last look found, or what a whole one finds now."""
        if query.whole:
            with contextlib.suppress(TreeDamaged):
                await self._checkpoints.look(whole=True)
        now = self._checkpoints.standing
        return contract.TreeStanding(now.size, now.problem, now.refused, await self._tree.sizes(SIZES))
