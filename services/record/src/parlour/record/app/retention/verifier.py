"""Verifies an archive file before its month is dropped: it has the bytes that were written, each chain is whole and leads to a signed
head, and it holds exactly the calls that were stored with it, as they stand in the log.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from uuid import UUID

from parlour.verify.layout import LINE_BYTES
from parlour.verify.notes import PublicKey
from parlour.verify.verdict import Verdict
from parlour.verify.verifier import verify_export

from .ports import ArchiveFiles, RetentionStore, StoredArchive
from .writer import BEFORE_FIRST, CALLS_PER_READ

Keys = Callable[[], Awaitable[tuple[PublicKey, ...]]]


class ArchiveVerifier:
    """The retention schedule calls `find_problem` right before it drops a month."""

    def __init__(self, store: RetentionStore, files: ArchiveFiles, keys: Keys) -> None:
        self._store = store
        self._files = files
        self._keys = keys

    async def find_problem(self, archive: StoredArchive) -> str:
        """Returns what is wrong with the file, or an empty text. Reads it whole, in a thread of its own."""
        keys = await self._keys()
        if not keys:
            return "there is no key that could have signed it"
        try:
            verdict, bytes_, calls = await asyncio.to_thread(self._read, archive.file, keys)
        except OSError as error:
            return f"the file can't be read: {error.strerror or error}"
        if not verdict.ok:
            return f"{_where(verdict)}{verdict.problem}"
        if bytes_ != archive.sha256:
            return "the file is not the one that was written: its SHA-256 is another"
        if calls != await self._stored_calls(archive.number):
            return "the calls in the file are not those that were stored with it"
        return ""

    def _read(self, file: str, keys: tuple[PublicKey, ...]) -> tuple[Verdict, bytes, bytes]:
        """Returns the verdict, the digest of the file's bytes, and the digest of its calls' heads."""
        bytes_, calls = hashlib.sha256(), hashlib.sha256()

        def add_head(room_uid: str, seq: int, hash_: bytes) -> None:
            calls.update(_head(UUID(room_uid), seq, hash_))

        def lines():
            for line in self._files.lines(file, LINE_BYTES + 1):
                bytes_.update(line)
                yield line

        verdict = verify_export(lines(), keys, add_head)
        return verdict, bytes_.digest(), calls.digest()

    async def _stored_calls(self, number: int) -> bytes:
        digest, after = hashlib.sha256(), BEFORE_FIRST
        while page := await self._store.archived_calls(number, after, CALLS_PER_READ):
            for call in page:
                digest.update(_head(call.uid, call.seq, call.hash))
            after = page[-1].uid
        return digest.digest()


def _where(verdict: Verdict) -> str:
    """Returns the place of a verdict's problem; seq 0 is that of a flaw of the call as a whole, such as a missing proof."""
    if not verdict.room_uid:
        return ""
    place = f"event {verdict.seq}" if verdict.seq else "the call as a whole"
    return f"call {verdict.room_uid}, {place}: "


def _head(uid: UUID, seq: int, hash_: bytes) -> bytes:
    return uid.bytes + seq.to_bytes(8) + hash_
