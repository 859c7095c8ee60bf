"""Answers about the tree of room heads, from stored hashes: checkpoints, inclusion and consistency proofs, and tiles."""

from uuid import UUID

from parlour.contracts import proofs as contract
from parlour.contracts.codes import Code
from parlour.kernel import merkle
from parlour.kernel.log import EventLog
from parlour.kernel.merkle import WIDTH, WIDTH_BITS, HashRun, Range
from parlour.kernel.rejection import Rejection
from parlour.record.app.archive_index import ArchiveIndex
from parlour.record.app.paging import parse_uuid

from .tree import Note, TreeStore

TILE_LEVELS = 7
"""Levels of tiles of a tree with 2^63 leaves."""


class ProofQueries:
    """Answers one question per method. Methods may raise `LogUnavailable`."""

    def __init__(self, tree: TreeStore, log: EventLog, archives: ArchiveIndex) -> None:
        self._tree = tree
        self._log = log
        self._archives = archives

    async def checkpoint(self, query: contract.CheckpointQuery) -> contract.SignedCheckpoint:
        """Returns the signed note of a size, or the latest; empty before the first. `Rejection` if no checkpoint has the size."""
        note = await (self._note(query.size, "size") if query.size else self._tree.note(0))
        return contract.SignedCheckpoint(note.text, note.size, note.at) if note else contract.SignedCheckpoint()

    async def inclusion(self, query: contract.InclusionQuery) -> contract.Inclusion:
        """Returns a log's last head in the latest checkpoint with its path; of an archived call too, whose head the tree keeps."""
        uid = parse_uuid(query.room_uid, "room_uid")
        owner = await self._owner(uid)
        if owner is None or (query.app and (query.app, query.room) != owner):
            raise Rejection(Code.NOT_FOUND, "there is no such log", field="room_uid")
        note = await self._tree.note(0)
        found = await self._tree.leaf_of(uid, note.size) if note else None
        if note is None or found is None:
            return contract.Inclusion()
        index, leaf = found
        path = await self._path(merkle.inclusion(index, note.size))
        return contract.Inclusion(query.room_uid, leaf.seq, leaf.head, index, note.size, path, note.text)

    async def _owner(self, uid: UUID) -> tuple[int, str] | None:
        head = await self._log.head(uid)
        if head is not None:
            return head.log.app, head.log.room
        archived = await self._archives.find(uid)
        return None if archived is None else (archived.call.app, archived.call.room)

    async def consistency(self, query: contract.ConsistencyQuery) -> contract.Consistency:
        """Returns the proof that one checkpoint continues another; both sizes must be checkpoints'."""
        new = await self._note(query.new, "new")
        old = await self._note(query.old, "old") if query.old else new
        if old.size > new.size:
            raise Rejection(Code.PARAMETER, "the old tree is larger than the new one", field="old")
        return contract.Consistency(old.size, new.size, await self._path(merkle.consistency(old.size, new.size)))

    async def tile(self, query: contract.TileQuery) -> contract.Tile:
        """Returns the hashes or entries of one tile (C2SP tlog-tiles), which the latest checkpoint must cover."""
        note = await self._tree.note(0)
        size = (note.size if note else 0) >> (query.level * WIDTH_BITS)
        first = query.index * WIDTH
        if not (0 <= query.level < TILE_LEVELS and query.index >= 0 and 0 < query.width <= min(WIDTH, size - first)):
            raise Rejection(Code.NOT_FOUND, "the tree has no such tile")
        if query.entries:
            entries = [one.leaf.entry() for one in await self._tree.stored_leaves(first, query.width)]
            return contract.Tile(b"".join(len(entry).to_bytes(2) + entry for entry in entries))
        run = HashRun(query.level, first, query.width)
        return contract.Tile(b"".join((await self._tree.hashes([run]))[run]))

    async def _note(self, size: int, field: str) -> Note:
        note = await self._tree.note(size)
        if note is None:
            raise Rejection(Code.NOT_FOUND, f"no checkpoint has {size} leaves", field=field)
        return note

    async def _path(self, ranges: tuple[Range, ...]) -> tuple[bytes, ...]:
        runs = [run for one in ranges for run in merkle.subtrees(*one)]
        stored = await self._tree.hashes(runs)
        return tuple(merkle.hash_of(start, stop, lambda run: stored[run]) for start, stop in ranges)
