"""Whether a file is good enough to drop a month for: the bytes that were written, each chain whole and led to a signed head, and in it
exactly the lives that were noted, as they stand in the log.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from uuid import UUID

from parlour.runtime.exports.layout import LINE_BYTES
from parlour.runtime.exports.verdict import Verdict
from parlour.runtime.exports.verify import verify
from parlour.runtime.signing.notes import PublicKey

from .ports import ArchiveFiles, RetentionStore, StoredArchive
from .writer import FIRST, LIVES

Keys = Callable[[], Awaitable[tuple[PublicKey, ...]]]


class ArchiveVerifier:
    """`problem` reads the whole file, in a thread of its own."""

    def __init__(self, store: RetentionStore, folder: ArchiveFiles, keys: Keys) -> None:
        self._store = store
        self._folder = folder
        self._keys = keys

    async def problem(self, archive: StoredArchive) -> str:
        """What is wrong with it; empty: nothing is."""
        keys = await self._keys()
        if not keys:
            return "there is no key that could have signed it"
        try:
            verdict, bytes_, lives = await asyncio.to_thread(self._read, archive.file, keys)
        except OSError as error:
            return f"the file can't be read: {error.strerror or error}"
        if not verdict.ok:
            place = f"life {verdict.room_uid}, event {verdict.seq}: " if verdict.room_uid else ""
            return f"{place}{verdict.problem}"
        if bytes_ != archive.sha256:
            return "the file is not the one that was written: its SHA-256 is another"
        if lives != await self._noted(archive.number):
            return "the lives in the file are not those that were noted"
        return ""

    def _read(self, file: str, keys: tuple[PublicKey, ...]) -> tuple[Verdict, bytes, bytes]:
        bytes_, lives = hashlib.sha256(), hashlib.sha256()

        def told(room_uid: str, seq: int, hash_: bytes) -> None:
            lives.update(_entry(UUID(room_uid), seq, hash_))

        def lines():
            for line in self._folder.lines(file, LINE_BYTES + 1):
                bytes_.update(line)
                yield line

        verdict = verify(lines(), keys, told)
        return verdict, bytes_.digest(), lives.digest()

    async def _noted(self, number: int) -> bytes:
        digest, after = hashlib.sha256(), FIRST
        while page := await self._store.archived(number, after, LIVES):
            for life in page:
                digest.update(_entry(life.uid, life.seq, life.hash))
            after = page[-1].uid
        return digest.digest()


def _entry(uid: UUID, seq: int, hash_: bytes) -> bytes:
    return uid.bytes + seq.to_bytes(8) + hash_
