"""Compares the signed tree of an export with a checkpoint that the auditor kept from another time."""

from typing import NamedTuple

from parlour.contracts.proofs import Consistency
from parlour.kernel import merkle

from .notes import Checkpoint


class KnownTree(NamedTuple):
    """A checkpoint whose signature was checked, and consistency proofs that lead to it or start from it."""

    checkpoint: Checkpoint
    proofs: tuple[Consistency, ...] = ()

    def problem(self, found: Checkpoint, carried: Consistency | None) -> tuple[str, str]:
        """Says what is wrong with a signed tree, and what is missing for a comparison; both empty where one tree continues the other.

        `carried` is the proof in the file itself.
        """
        known = self.checkpoint
        if found.origin != known.origin:
            return f"it is of {found.origin}, the checkpoint that was kept is of {known.origin}", ""
        if found.size == known.size:
            same = found.root == known.root
            return ("" if same else f"two trees of {known.size} heads were signed: it is not the one that was kept"), ""
        old, new = sorted((found, known), key=lambda one: one.size)
        proofs = self.proofs if carried is None else (*self.proofs, carried)
        proofs = [one for one in proofs if (one.old, one.new) == (old.size, new.size)]
        if not proofs:
            return "", f"a consistency proof from {old.size} to {new.size} heads"
        if any(merkle.continues(old.root, old.size, new.root, new.size, one.path) for one in proofs):
            return "", ""
        return f"the tree of {new.size} heads does not continue the one of {old.size}", ""
