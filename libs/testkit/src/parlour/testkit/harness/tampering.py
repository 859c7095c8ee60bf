"""What somebody does who has the database and not the key: a superuser with SQL alone, who computes every hash anew."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

from parlour.contracts.envelope import GENESIS, chain_hash
from parlour.contracts.proofs import head_entry
from parlour.kernel.merkle import Edge, leaf_hash
from parlour.verify.notes import Checkpoint, SigningKey, sign_note


async def rechain(sql: Any, uid: UUID) -> None:
    """Numbers a log's events anew from 1, computes their hashes, and makes their versions and the log's row those of the new events."""
    rows = await sql.fetch(
        "SELECT seq, appended_at, aggregate, env FROM parlour.event WHERE room_uid = $1 ORDER BY seq", uid
    )
    hash_ = GENESIS
    versions: Counter[str] = Counter()
    for seq, row in enumerate(rows, 1):
        before, hash_ = hash_, chain_hash(hash_, seq, row["appended_at"], row["env"])
        versions[row["aggregate"]] += 1
        await sql.execute(
            "UPDATE parlour.event SET seq = $3, prev = $4, hash = $5, version = $6 WHERE room_uid = $1 AND seq = $2",
            uid, row["seq"], seq, before, hash_, versions[row["aggregate"]],
        )  # fmt: skip
    await sql.execute(
        "UPDATE parlour.log SET seq = $2, hash = $3, last_event_at = $4, versions = $5::text::jsonb WHERE uid = $1",
        uid, len(rows), hash_, rows[-1]["appended_at"] if rows else 0, json.dumps(versions),
    )  # fmt: skip


async def remove_event(sql: Any, uid: UUID, seq: int) -> None:
    """Takes one event out, and no hash shows it."""
    await sql.execute("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = $2", uid, seq)
    await rechain(sql, uid)


async def rewrite_leaf(sql: Any, uid: UUID) -> None:
    """Puts a log's last leaf on the head that the log has now."""
    head = await sql.fetchrow("SELECT seq, hash FROM parlour.log WHERE uid = $1", uid)
    await sql.execute(
        "UPDATE parlour.tree_leaf SET seq = $2, head = $3, hash = $4 "
        "WHERE leaf_index = (SELECT max(leaf_index) FROM parlour.tree_leaf WHERE room_uid = $1)",
        uid, head["seq"], head["hash"], leaf_hash(head_entry(uid, head["seq"], head["hash"])),
    )  # fmt: skip


async def roll_back(sql: Any, size: int) -> None:
    """Cuts the tree back to an earlier checkpoint, and lets the signer look at everything again."""
    await sql.execute("DELETE FROM parlour.checkpoint WHERE size > $1", size)
    await sql.execute("DELETE FROM parlour.tree_leaf WHERE leaf_index >= $1", size)
    await sql.execute("DELETE FROM parlour.tree_node WHERE (node_index + 1) * (256 ^ level) > $1", size)
    await sql.execute("DELETE FROM parlour.cursor WHERE reader = 'record.checkpoints'")


async def insert_stray(sql: Any, uid: UUID, seq: int) -> None:
    """Puts a copy of a log's last event behind the log's head."""
    await sql.execute(
        "INSERT INTO parlour.event (room_uid, seq, shard, pos, appended_at, aggregate, version, type, audience, env, prev, hash) "
        "SELECT room_uid, $2::bigint, shard, pos + 1000000, appended_at, aggregate, version + 1, type, audience, env, hash, sha256(hash) "
        "FROM parlour.event WHERE room_uid = $1 ORDER BY seq DESC LIMIT 1",
        uid, seq,
    )  # fmt: skip


async def insert_event(sql: Any, uid: UUID, seq: int) -> None:
    """Puts a copy of an event before it, and moves up what follows; hashes are left as they are."""
    await sql.execute("UPDATE parlour.event SET seq = -seq - 1 WHERE room_uid = $1 AND seq >= $2", uid, seq)
    await sql.execute("UPDATE parlour.event SET seq = -seq WHERE room_uid = $1 AND seq < 0", uid)
    await sql.execute(
        "INSERT INTO parlour.event (room_uid, seq, shard, pos, appended_at, aggregate, version, type, audience, env, prev, hash) "
        "SELECT room_uid, seq - 1, shard, pos, appended_at, aggregate, version, type, audience, env, prev, hash "
        "FROM parlour.event WHERE room_uid = $1 AND seq = $2 + 1",
        uid, seq,
    )  # fmt: skip


async def copy_life(sql: Any, uid: UUID, other: UUID) -> None:
    """Puts a call's events there once more, as another call of the room's name."""
    await sql.execute(
        "INSERT INTO parlour.log SELECT $2::uuid, app, room, shard, first_pos + 1000, seq, hash, last_event_at, open, versions "
        "FROM parlour.log WHERE uid = $1",
        uid, other,
    )  # fmt: skip
    await sql.execute(
        "INSERT INTO parlour.event (room_uid, seq, shard, pos, appended_at, aggregate, version, type, audience, env, prev, hash) "
        "SELECT $2::uuid, seq, shard, pos + 1000, appended_at, aggregate, version, type, audience, env, prev, hash "
        "FROM parlour.event WHERE room_uid = $1",
        uid, other,
    )  # fmt: skip


async def sign_anew(sql: Any, key: SigningKey) -> None:
    """Makes the last checkpoint one of the leaves as they are now, signed by a key of the superuser's own."""
    leaves = await sql.fetch("SELECT room_uid, seq, head FROM parlour.tree_leaf ORDER BY leaf_index")
    edge = Edge()
    edge.extend([leaf_hash(head_entry(leaf["room_uid"], leaf["seq"], leaf["head"])) for leaf in leaves])
    root = edge.root()
    await sql.execute(
        "UPDATE parlour.checkpoint SET root = $2, note = $3 WHERE size = $1",
        len(leaves), root, sign_note(Checkpoint(key.public.name, len(leaves), root).text(), (key,)),
    )  # fmt: skip


async def replace_key(sql: Any, key: SigningKey) -> None:
    """The only key that is published is then one of the superuser's own."""
    await sql.execute("UPDATE parlour.checkpoint_key SET public = $1, name = $2", key.public.raw, key.public.name)
