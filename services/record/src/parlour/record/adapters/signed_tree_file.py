"""A replica's memory of the tree that was signed last, in one file outside the database."""

import os
from pathlib import Path

import msgspec

from parlour.record.app.proofs.signed_tree import TreeMemory
from parlour.record.app.proofs.tree import TreeDamaged

FILE = "signed-tree.json"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(TreeMemory).decode


class SignedTreeFile:
    """Implements `app.proofs.signed_tree.TreeMemoryStore`; the file is replaced whole and is never part written."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE

    def load(self) -> TreeMemory | None:
        try:
            return _decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise TreeDamaged(f"{self._path} is not what this service wrote: {error}") from error

    def save(self, memory: TreeMemory) -> None:
        """Flushes the file, and then its folder's entry."""
        part = self._path.with_suffix(".part")
        with open(part, "wb") as out:
            out.write(_encode(memory))
            out.flush()
            os.fsync(out.fileno())
        part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
