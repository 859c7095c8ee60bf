"""Writes a month into an archive: each life as an export of its own, sealed texts as they are, one after the other in the order of ids."""

import time
from collections.abc import Mapping
from uuid import UUID

import msgspec

from parlour.contracts.envelope import GENESIS
from parlour.contracts.proofs import Inclusion
from parlour.kernel.log import EventLog, Record
from parlour.record.app.archive_index import EndedCall
from parlour.record.app.proofs.tree import TreeStore
from parlour.record.domain.retention import shown
from parlour.runtime.exports.layout import ARCHIVE, KIND, ArchiveEnd, ArchiveHeader, End, Header, Line

from .ports import ArchiveFiles, ArchiveOutput, RetentionStore, WrittenArchive
from .prover import InclusionProver

LIVES = 500
EVENTS = 1_000
"""In one page: memory does not grow with a month, nor with a room."""
FIRST = UUID(int=0)
_encode = msgspec.json.Encoder().encode


class ArchiveWriter:
    """`write` makes one file."""

    def __init__(self, store: RetentionStore, log: EventLog, tree: TreeStore, folder: ArchiveFiles) -> None:
        self._store = store
        self._log = log
        self._tree = tree
        self._folder = folder

    async def write(self, file: str, month: str, before_us: int, by: str) -> WrittenArchive:
        """Everything of the month that is due. OSError where the folder does not take it."""
        lives = events = 0
        note = await self._tree.note(0)
        prover = InclusionProver(self._tree, note) if note is not None else None
        async with self._folder.writing(file) as out:
            out.write(_line(ArchiveHeader(ARCHIVE, shown(month), before_us, time.time_ns() // 1000, by)))
            after = FIRST
            while page := await self._store.ended(month, before_us, after, LIVES):
                proofs: Mapping[UUID, Inclusion] = await prover.prove(page) if prover is not None else {}
                for life in page:
                    events += await self._life(out, life, proofs.get(life.uid), by)
                lives += len(page)
                after = page[-1].uid
            out.write(_line(ArchiveEnd(lives, events)))
            return WrittenArchive(file, out.sha256(), out.size, events)

    async def _life(self, out: ArchiveOutput, life: EndedCall, proof: Inclusion | None, by: str) -> int:
        out.write(_line(Header(KIND, life.app, life.room, str(life.uid), time.time_ns() // 1000, by, proof)))
        seq, count, hash_, more = 0, 0, GENESIS, True
        while more:
            page = await self._log.read(life.uid, seq, EVENTS)
            for record in page:
                out.write(_line(_event(record, hash_)))
                seq, count, hash_ = record.seq, count + 1, record.hash
            more = len(page) == EVENTS
        out.write(_line(End(count, hash_)))
        return count


def _event(record: Record, before: bytes) -> Line:
    return Line(record.seq, record.at, record.env, record.hash, b"" if record.prev == before else record.prev)


def _line(of: msgspec.Struct) -> bytes:
    return _encode(of) + b"\n"
