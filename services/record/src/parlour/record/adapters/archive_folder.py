"""A folder of archives. Written beside their names first and then renamed, so that a file under its name is whole."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

BUFFER = 1 << 20


class ArchiveFile:
    """See `app.retention.ports.Sink`."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, line: bytes) -> None:
        """One line."""
        self._out.write(line)
        self._sha256.update(line)
        self.size += len(line)

    def sha256(self) -> bytes:
        """Of what was written so far."""
        return self._sha256.digest()


class ArchiveFolder:
    """See `app.retention.ports.Folder`. Files are readable for their owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def writing(self, file: str) -> AsyncGenerator[ArchiveFile]:
        """The file is there, whole and on the disk, once the block ends well. Others of this process don't wait for the disk."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = self._path / f"{file}.part"
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", buffering=BUFFER) as out:
            yield ArchiveFile(out)
            await asyncio.to_thread(_settle, out)
        half.replace(self._path / file)
        await asyncio.to_thread(_settle_folder, self._path)

    def lines(self, file: str, longest: int) -> Iterable[bytes]:
        """Its lines, each at most so long."""
        with open(self._path / file, "rb", buffering=BUFFER) as lines:
            yield from iter(lambda: lines.readline(longest), b"")


def _settle(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _settle_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
