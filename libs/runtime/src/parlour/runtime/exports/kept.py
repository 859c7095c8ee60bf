"""The checkpoint that an auditor kept from an earlier time, and whether an export's signed tree is of the same history."""

from collections.abc import Iterable
from typing import NamedTuple

from parlour.contracts.proofs import Consistency
from parlour.kernel import merkle
from parlour.runtime.signing.notes import Checkpoint


class KeptTree(NamedTuple):
    """A checkpoint whose signature was checked, and consistency proofs from it or to it."""

    checkpoint: Checkpoint
    proofs: tuple[Consistency, ...] = ()

    def problem(self, found: Checkpoint, carried: Consistency | None) -> tuple[str, str]:
        """What is wrong with a signed tree, and what lacks for a comparison; both empty: one of the two trees begins with the other."""
        kept = self.checkpoint
        if found.origin != kept.origin:
            return f"it is of {found.origin}, the checkpoint that was kept is of {kept.origin}", ""
        if found.size == kept.size:
            same = found.root == kept.root
            return ("" if same else f"two trees of {kept.size} heads were signed: it is not the one that was kept"), ""
        old, new = sorted((found, kept), key=lambda one: one.size)
        proofs = [one for one in _given(self.proofs, carried) if (one.old, one.new) == (old.size, new.size)]
        if not proofs:
            return "", f"a consistency proof from {old.size} to {new.size} heads"
        if any(merkle.continues(old.root, old.size, new.root, new.size, one.path) for one in proofs):
            return "", ""
        return f"the tree of {new.size} heads does not continue the one of {old.size}", ""


def _given(proofs: tuple[Consistency, ...], carried: Consistency | None) -> Iterable[Consistency]:
    return proofs if carried is None else (*proofs, carried)
