"""What proofs need in Postgres: the tree of room heads, read by key or by a range of keys; the keys of checkpoints, their private halves
sealed under a key derived from the master key; and the log of exports, whose rows are added and never changed.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.contracts.proofs import ExportTaken
from parlour.kernel.merkle import HashRun, Node, leaf_hash
from parlour.record.app.proofs.keys import StoredKey
from parlour.record.app.proofs.tree import Leaf, Note, StoredLeaf, TreeDamaged, TreeGrowth
from parlour.runtime.postgres.keys import SealingKey
from parlour.runtime.postgres.pool import Pool, PostgresStore, borrow
from parlour.verify.notes import PublicKey, SigningKey

_HEADS = "SELECT shard, pos FROM parlour.shard WHERE pos > 0"
_SEEN = "SELECT shard, pos FROM parlour.cursor WHERE reader = $1"
_MOVED = """
SELECT g.uid, g.seq, g.hash,
       EXISTS (SELECT FROM parlour.event h WHERE h.room_uid = g.uid AND h.seq = g.seq AND h.hash = g.hash)
       AND (l.seq IS NULL OR (g.seq > l.seq AND EXISTS (
           SELECT FROM parlour.event s WHERE s.room_uid = g.uid AND s.seq = l.seq AND s.hash = l.head))) AS continues
  FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS s(shard, low, high)
 CROSS JOIN LATERAL (SELECT DISTINCT e.room_uid FROM parlour.event e WHERE e.shard = s.shard AND e.pos > s.low AND e.pos <= s.high) m
  JOIN parlour.log g ON g.uid = m.room_uid
  LEFT JOIN LATERAL (SELECT t.seq, t.head FROM parlour.tree_leaf t WHERE t.room_uid = g.uid
                      ORDER BY t.seq DESC, t.leaf_index DESC LIMIT 1) l ON true
 WHERE NOT EXISTS (SELECT FROM parlour.tree_leaf t WHERE t.room_uid = g.uid AND t.seq = g.seq AND t.head = g.hash)
"""
_IN_RANGE = "FROM parlour.tree_leaf WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index"
_HASHES = f"SELECT hash {_IN_RANGE}"
_LEAVES = f"SELECT room_uid, seq, head, hash, leaf_index {_IN_RANGE}"
_NODES = (
    "SELECT hash FROM parlour.tree_node WHERE level = $3 AND node_index >= $1 AND node_index < $2 ORDER BY node_index"
)
_EXTENT = "SELECT coalesce(max(leaf_index) + 1, 0) FROM parlour.tree_leaf"
_SIZES = "SELECT size FROM parlour.checkpoint ORDER BY size DESC LIMIT $1"
_LATEST_CHECKPOINT = "SELECT size, root, signed_at, note FROM parlour.checkpoint ORDER BY size DESC LIMIT 1"
_CHECKPOINT_OF_SIZE = "SELECT size, root, signed_at, note FROM parlour.checkpoint WHERE size = $1"
_OF_ROOM = (
    "SELECT leaf_index, room_uid, seq, head FROM parlour.tree_leaf WHERE room_uid = $1 AND leaf_index < $2 "
    "ORDER BY seq DESC, leaf_index DESC LIMIT 1"
)
_LEAF_NUMBERS = (
    "SELECT t.leaf_index, t.room_uid, t.seq, t.head FROM unnest($1::uuid[], $2::bigint[]) AS h(uid, seq) "
    "JOIN parlour.tree_leaf t ON t.room_uid = h.uid AND t.seq = h.seq WHERE t.leaf_index < $3"
)
_GROW = "SELECT parlour.grow_tree($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
_READER = "record.checkpoints"


class PostgresTreeStore(PostgresStore):
    """Implements `app.proofs.tree.TreeStore` in Postgres."""

    async def changed(self, at_most: int) -> TreeGrowth:
        seen: dict[int, int] = dict(await self._fetch(_SEEN, _READER))
        heads: dict[int, int] = dict(await self._fetch(_HEADS))
        moved = {p: min(head, seen.get(p, 0) + at_most) for p, head in heads.items() if head > seen.get(p, 0)}
        columns = [list(moved), [seen.get(p, 0) for p in moved], list(moved.values())]
        found = await self._fetch(_MOVED, *columns) if moved else []
        heads_found = sorted(tuple(row) for row in found)
        leaves = tuple(Leaf(*leaf) for *leaf, continues in heads_found if continues)
        refused = tuple(Leaf(*leaf) for *leaf, continues in heads_found if not continues)
        return TreeGrowth(leaves, moved, any(moved[p] < heads[p] for p in moved), refused)

    async def hashes(self, runs: Sequence[HashRun]) -> Mapping[HashRun, tuple[bytes, ...]]:
        async with borrow(self._pool) as connection:
            return {run: await _run(connection, run) for run in runs}

    async def stored_leaves(self, first: int, count: int) -> tuple[StoredLeaf, ...]:
        rows = enumerate(await self._fetch(_LEAVES, first, first + count), first)
        return tuple(StoredLeaf(Leaf(*leaf), hash_) for number, (*leaf, hash_, index) in rows if index == number)

    async def extent(self) -> int:
        return await self._fetch_value(_EXTENT)

    async def sizes(self, at_most: int) -> tuple[int, ...]:
        return tuple(row["size"] for row in await self._fetch(_SIZES, at_most))

    async def note(self, size: int) -> Note | None:
        row = await (self._fetch_row(_CHECKPOINT_OF_SIZE, size) if size else self._fetch_row(_LATEST_CHECKPOINT))
        return Note(*row) if row else None

    async def leaf_of(self, room_uid: UUID, below: int) -> tuple[int, Leaf] | None:
        row = await self._fetch_row(_OF_ROOM, room_uid, below)
        return (row["leaf_index"], Leaf(*row[1:])) if row else None

    async def leaf_numbers(self, heads: Sequence[Leaf], below: int) -> Mapping[Leaf, int]:
        columns = [head.room_uid for head in heads], [head.seq for head in heads]
        found = {Leaf(*leaf): index for index, *leaf in await self._fetch(_LEAF_NUMBERS, *columns, below)}
        return {head: found[head] for head in heads if head in found}

    async def grow(self, from_size: int, change: TreeGrowth, nodes: Sequence[Node], note: Note) -> bool:
        leaves = change.leaves
        columns: list[Any] = [
            from_size,
            [leaf.room_uid for leaf in leaves], [leaf.seq for leaf in leaves], [leaf.head for leaf in leaves],
            [leaf_hash(leaf.entry()) for leaf in leaves],
            [node.level for node in nodes], [node.index for node in nodes], [node.hash for node in nodes],
            note.root, note.at, note.text, _READER, list(change.moved), list(change.moved.values()),
        ]  # fmt: skip
        async with borrow(self._pool) as connection:
            try:
                return await connection.fetchval(_GROW, *columns)
            except asyncpg.UniqueViolationError as error:
                raise TreeDamaged("the tree has leaves that no checkpoint covers") from error


async def _run(connection: Any, run: HashRun) -> tuple[bytes, ...]:
    bounds = (run.first, run.first + run.count)
    rows = await (connection.fetch(_NODES, *bounds, run.level) if run.level else connection.fetch(_HASHES, *bounds))
    if len(rows) != run.count:
        raise TreeDamaged(f"the tree holds {len(rows)} of {run.count} hashes at {run.level}/{run.first}")
    return tuple(row["hash"] for row in rows)


_KEYS = "SELECT public, name, sealed, made_at, retired_at FROM parlour.checkpoint_key ORDER BY made_at DESC"
_ADD_KEY = "SELECT parlour.add_checkpoint_key($1, $2, $3, $4, $5)"


class PostgresKeyStore(PostgresStore):
    """Implements `app.proofs.keys.KeyStore` in Postgres."""

    def __init__(self, pool: Pool, master_key: bytes) -> None:
        super().__init__(pool)
        self._key = SealingKey(master_key, b"parlour.record.checkpoints")

    async def keys(self) -> Sequence[StoredKey]:
        return [
            StoredKey(PublicKey(name, public), self._open(name, public, sealed), made_at, retired_at)
            for public, name, sealed, made_at, retired_at in await self._fetch(_KEYS)
        ]

    def _open(self, name: str, public: bytes, sealed: bytes) -> SigningKey | None:
        try:
            raw = self._key.open(_context(public), sealed)
        except ValueError:
            return None
        return SigningKey(name, Ed25519PrivateKey.from_private_bytes(raw))

    async def make(self, name: str, now_us: int, overlap_us: int) -> SigningKey:
        private = Ed25519PrivateKey.generate()
        made = SigningKey(name, private)
        sealed = self._key.seal(_context(made.public.raw), private.private_bytes_raw())
        await self._execute(_ADD_KEY, made.public.raw, name, sealed, now_us, overlap_us)
        return made


def _context(public: bytes) -> str:
    """Returns what a sealed private key is bound to."""
    return f"checkpoint/{public.hex()}"


_ADD_EXPORT = "INSERT INTO parlour.export_taken (room_uid, exported_at, exported_by) VALUES ($1, $2, $3)"
_LATEST_EXPORTS = """
SELECT t.room_uid::text, g.app, g.room, t.exported_by, t.exported_at FROM parlour.export_taken t
 CROSS JOIN LATERAL (
    SELECT l.app, l.room FROM parlour.log l WHERE l.uid = t.room_uid
    UNION ALL SELECT d.app, d.room FROM parlour.archived d WHERE d.room_uid = t.room_uid LIMIT 1) g
 WHERE $1::uuid IS NULL OR t.room_uid = $1 ORDER BY t.exported_at DESC LIMIT $2
"""


class PostgresExportLog(PostgresStore):
    """Implements `app.proofs.exports.ExportLog` in Postgres."""

    async def add(self, room_uid: UUID, by: str) -> None:
        await self._execute(_ADD_EXPORT, room_uid, time.time_ns() // 1000, by)

    async def latest(self, room_uid: UUID | None, at_most: int) -> tuple[ExportTaken, ...]:
        return tuple(ExportTaken(*row) for row in await self._fetch(_LATEST_EXPORTS, room_uid, at_most))
