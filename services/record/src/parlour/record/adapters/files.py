"""Files of the record, each whole and on disk before it has its name: archives of old months, and a replica's memory of the tree that was
signed last.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from parlour.record.app.proofs.tree import TreeDamaged, TreeMemory

BUFFER_BYTES = 1 << 20


class ArchiveFile:
    """Implements `app.retention.ports.ArchiveOutput` with a file."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, line: bytes) -> None:
        self._out.write(line)
        self._sha256.update(line)
        self.size += len(line)

    def sha256(self) -> bytes:
        return self._sha256.digest()


class ArchiveFolder:
    """Implements `app.retention.ports.ArchiveFiles`; files are readable by their owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def create(self, file: str) -> AsyncGenerator[ArchiveFile]:
        """Flushes to disk in a thread, so that other tasks of the process go on."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._path / f"{file}.part"
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", buffering=BUFFER_BYTES
        ) as out:
            yield ArchiveFile(out)
            await asyncio.to_thread(_sync, out)
        part.replace(self._path / file)
        await asyncio.to_thread(_sync_folder, self._path)

    def lines(self, file: str, longest: int) -> Iterable[bytes]:
        with open(self._path / file, "rb", buffering=BUFFER_BYTES) as lines:
            yield from iter(lambda: lines.readline(longest), b"")


def _sync(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


SIGNED_TREE_FILE = "signed-tree.json"
_encode_memory = msgspec.json.Encoder().encode
_decode_memory = msgspec.json.Decoder(TreeMemory).decode


class SignedTreeFile:
    """Implements `app.proofs.tree.TreeMemoryStore`; the file is replaced whole and is never part written."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / SIGNED_TREE_FILE

    def load(self) -> TreeMemory | None:
        try:
            return _decode_memory(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise TreeDamaged(f"{self._path} is not what this service wrote: {error}") from error

    def save(self, memory: TreeMemory) -> None:
        """Flushes the file, and then its folder's entry."""
        part = self._path.with_suffix(".part")
        with open(part, "wb") as out:
            out.write(_encode_memory(memory))
            _sync(out)
        part.replace(self._path)
        _sync_folder(self._path.parent)
