"""Writes a month into an archive file: one export per call, in the order of ids, with sealed texts as they are and its head's proof."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from parlour.contracts.envelope import GENESIS
from parlour.contracts.proofs import Inclusion
from parlour.kernel import merkle
from parlour.kernel.decider import Clock
from parlour.kernel.log import EventLog, Record
from parlour.kernel.merkle import WIDTH, WIDTH_BITS, HashRun, Range
from parlour.record.app.archive_index import EndedCall
from parlour.record.app.proofs.tree import Leaf, Note, TreeStore
from parlour.record.domain.retention import month_label
from parlour.runtime.cache import Cache
from parlour.verify.layout import ARCHIVE, KIND, ArchiveEnd, ArchiveHeader, End, Header, Line

from .ports import ArchiveFiles, ArchiveOutput, RetentionStore, WrittenArchive

CALLS_PER_READ = 500
EVENTS_PER_READ = 1_000
"""Events in one page: memory grows neither with a month nor with a call."""
BEFORE_FIRST = UUID(int=0)
_encode = msgspec.json.Encoder().encode


class ArchiveWriter:
    """The retention schedule calls `write` for each month that is due."""

    def __init__(
        self, store: RetentionStore, log: EventLog, tree: TreeStore, files: ArchiveFiles, clock: Clock
    ) -> None:
        self._store = store
        self._log = log
        self._tree = tree
        self._files = files
        self._clock = clock

    async def write(self, file: str, month: str, before_us: int, by: str) -> WrittenArchive:
        """Writes every call of the month that ended before `before_us`. OSError if the folder refuses it."""
        calls = events = 0
        note = await self._tree.note(0)
        prover = InclusionProver(self._tree, note) if note is not None else None
        async with self._files.create(file) as out:
            out.write(_line(ArchiveHeader(ARCHIVE, month_label(month), before_us, self._clock.at(), by)))
            after = BEFORE_FIRST
            while page := await self._store.ended_calls(month, before_us, after, CALLS_PER_READ):
                proofs: Mapping[UUID, Inclusion] = await prover.prove(page) if prover is not None else {}
                for call in page:
                    events += await self._write_call(out, call, proofs.get(call.uid), by)
                calls += len(page)
                after = page[-1].uid
            out.write(_line(ArchiveEnd(calls, events)))
            return WrittenArchive(file, out.sha256(), out.size, events)

    async def _write_call(self, out: ArchiveOutput, call: EndedCall, proof: Inclusion | None, by: str) -> int:
        out.write(_line(Header(KIND, call.app, call.room, str(call.uid), self._clock.at(), by, proof)))
        seq, count, hash_, more = 0, 0, GENESIS, True
        while more:
            page = await self._log.read(call.uid, seq, EVENTS_PER_READ)
            for record in page:
                out.write(_line(_event(record, hash_)))
                seq, count, hash_ = record.seq, count + 1, record.hash
            more = len(page) == EVENTS_PER_READ
        out.write(_line(End(count, hash_)))
        return count


def _event(record: Record, before: bytes) -> Line:
    return Line(record.seq, record.at, record.env, record.hash, b"" if record.prev == before else record.prev)


def _line(part: msgspec.Struct) -> bytes:
    return _encode(part) + b"\n"


TILES_CACHED = 256
"""Tiles of up to 256 hashes: 2 MB."""
RANGES_CACHED = 20_000
CACHED_FOR_S = 600.0


class InclusionProver:
    """The archive writer calls `prove` for one page of calls after the other, all in the same checkpoint."""

    def __init__(self, tree: TreeStore, note: Note) -> None:
        self._tree = tree
        self._note = note
        self._tiles: Cache[tuple[int, int], tuple[bytes, ...]] = Cache(TILES_CACHED, CACHED_FOR_S)
        self._ranges: Cache[Range, bytes] = Cache(RANGES_CACHED, CACHED_FOR_S)

    async def prove(self, calls: Sequence[EndedCall]) -> Mapping[UUID, Inclusion]:
        """Returns proofs by the calls' ids; a call whose last event no checkpoint holds has none."""
        heads = [Leaf(call.uid, call.seq, call.hash) for call in calls]
        numbers = await self._tree.leaf_numbers(heads, self._note.size)
        return {leaf.room_uid: await self._inclusion(leaf, index) for leaf, index in numbers.items()}

    async def _inclusion(self, leaf: Leaf, index: int) -> Inclusion:
        size = self._note.size
        path = tuple([await self._range(part) for part in merkle.inclusion(index, size)])
        return Inclusion(str(leaf.room_uid), leaf.seq, leaf.head, index, size, path, self._note.text)

    async def _range(self, part: Range) -> bytes:
        known = self._ranges.get(part)
        if known is None:
            runs = {run: await self._run(run) for run in merkle.subtrees(*part)}
            known = merkle.hash_of(*part, runs.__getitem__)
            self._ranges.put(part, known)
        return known

    async def _run(self, run: HashRun) -> tuple[bytes, ...]:
        """Returns a run's hashes from its tile, which a run of a subtree never reaches beyond."""
        tile = run.first // WIDTH
        row = self._tiles.get((run.level, tile))
        if row is None:
            first = tile * WIDTH
            whole = HashRun(run.level, first, min(WIDTH, (self._note.size >> (run.level * WIDTH_BITS)) - first))
            row = (await self._tree.hashes([whole]))[whole]
            self._tiles.put((run.level, tile), row)
        at = run.first % WIDTH
        return row[at : at + run.count]
