"""Opens the signed checkpoints of an export, and compares them with one that the auditor kept from another time."""

from typing import NamedTuple

import msgspec

from parlour.contracts.proofs import Consistency
from parlour.kernel import merkle

from .notes import BadNote, Checkpoint, PublicKey, open_note, parse_checkpoint
from .verdict import Verdict


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


class CarriedCheckpoints:
    """Opens the checkpoints that a file carries. Most heads of an archive have the same one; its signature is checked once."""

    def __init__(self, keys: tuple[PublicKey, ...], known: KnownTree | None) -> None:
        self.keys = keys
        self._known = known
        self._last: tuple[str, Checkpoint] | None = None
        self._missing = ""
        self._compared = False

    def open(self, note: str, carried: Consistency | None) -> Checkpoint:
        """Returns a note's checkpoint. `BadNote` where no trusted key signed it, or where it contradicts the auditor's own."""
        if self._last is None or self._last[0] != note:
            self._last = note, parse_checkpoint(open_note(note, self.keys))
            self._compare(self._last[1], carried)
        return self._last[1]

    def _compare(self, found: Checkpoint, carried: Consistency | None) -> None:
        if self._known is None:
            return
        problem, missing = self._known.problem(found, carried)
        if problem:
            raise BadNote(problem)
        self._compared = True
        self._missing = self._missing or missing

    def complete(self, verdict: Verdict) -> Verdict:
        """Adds the result of the comparison with the auditor's own checkpoint."""
        if self._known is None:
            return verdict
        missing = self._missing if self._compared else "a signed checkpoint in the file"
        known_size = self._known.checkpoint.size if verdict.ok and not missing else 0
        return msgspec.structs.replace(verdict, known_size=known_size, missing=missing if verdict.ok else "")
