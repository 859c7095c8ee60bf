"""Answers about the tree of room heads: checkpoints, proofs that a head is in one, that one continues another, and tiles."""

from uuid import UUID

from parlour.contracts import proofs as contract
from parlour.contracts.codes import Code
from parlour.kernel import merkle
from parlour.kernel.log import EventLog
from parlour.kernel.merkle import WIDTH, WIDTH_BITS, Range, Run
from parlour.kernel.rejection import Rejection
from parlour.record.app.archive_index import ArchiveIndex

from .tree import Note, TreeStore

LEVELS_MOST = 7
"""Tiles of a tree with 2^63 leaves."""


class ProofQueries:
    """Each answer is computed from kept hashes."""

    def __init__(self, tree: TreeStore, log: EventLog, shelf: ArchiveIndex) -> None:
        self._tree = tree
        self._shelf = shelf
        self._log = log

    async def checkpoint(self, query: contract.CheckpointQuery) -> contract.SignedCheckpoint:
        """The signed note."""
        note = await self._tree.note(query.size)
        if note is None and query.size:
            raise Rejection.of(Code.NOT_FOUND, f"no checkpoint has {query.size} leaves", field="size")
        return contract.SignedCheckpoint(note.text, note.size, note.at) if note else contract.SignedCheckpoint()

    async def inclusion(self, query: contract.InclusionQuery) -> contract.Inclusion:
        """The last head of a log that a checkpoint holds, with its path. The tree keeps the heads of archived lives."""
        uid = _uid(query.room_uid)
        owner = await self._owner(uid)
        if owner is None or (query.app and (query.app, query.room) != owner):
            raise Rejection.of(Code.NOT_FOUND, "there is no such log", field="room_uid")
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
        shelved = await self._shelf.find(uid)
        return None if shelved is None else (shelved.life.app, shelved.life.room)

    async def consistency(self, query: contract.ConsistencyQuery) -> contract.Consistency:
        """Between two sizes that both were checkpoints."""
        new = await self._note(query.new, "new")
        old = await self._note(query.old, "old") if query.old else new
        if old.size > new.size:
            raise Rejection.of(Code.PARAMETER, "the old tree is larger than the new one", field="old")
        return contract.Consistency(old.size, new.size, await self._path(merkle.consistency(old.size, new.size)))

    async def tile(self, query: contract.TileQuery) -> contract.Tile:
        """Hashes or entries of one tile, which a checkpoint must cover."""
        note = await self._tree.note(0)
        size = (note.size if note else 0) >> (query.level * WIDTH_BITS)
        first = query.index * WIDTH
        if not (0 <= query.level < LEVELS_MOST and query.index >= 0 and 0 < query.width <= min(WIDTH, size - first)):
            raise Rejection.of(Code.NOT_FOUND, "the tree has no such tile")
        if query.entries:
            entries = [leaf.entry() for leaf in await self._tree.entries(first, query.width)]
            return contract.Tile(b"".join(len(entry).to_bytes(2) + entry for entry in entries))
        run = Run(query.level, first, query.width)
        return contract.Tile(b"".join((await self._tree.hashes([run]))[run]))

    async def _note(self, size: int, field: str) -> Note:
        note = await self._tree.note(size)
        if note is None:
            raise Rejection.of(Code.NOT_FOUND, f"no checkpoint has {size} leaves", field=field)
        return note

    async def _path(self, ranges: tuple[Range, ...]) -> tuple[bytes, ...]:
        runs = [run for one in ranges for run in merkle.subtrees(*one)]
        kept = await self._tree.hashes(runs)
        return tuple(merkle.hash_of(start, stop, lambda run: kept[run]) for start, stop in ranges)


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Rejection.of(Code.PARAMETER, "room_uid is not a UUID", field="room_uid") from None
