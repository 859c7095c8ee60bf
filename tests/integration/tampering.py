"""What somebody does who has the database and not the key: a superuser with SQL alone, who computes every hash anew."""

from typing import Any
from uuid import UUID

from parlour.contracts.envelope import GENESIS, chain_hash
from parlour.contracts.proofs import head_entry
from parlour.kernel.merkle import leaf_hash


async def rechain(sql: Any, uid: UUID) -> None:
    """Numbers a log's events anew from 1, computes their hashes, and puts the log's row on the last of them."""
    rows = await sql.fetch("SELECT seq, at, env FROM parlour.event WHERE room_uid = $1 ORDER BY seq", uid)
    hash_ = GENESIS
    for seq, row in enumerate(rows, 1):
        before, hash_ = hash_, chain_hash(hash_, seq, row["at"], row["env"])
        await sql.execute(
            "UPDATE parlour.event SET seq = $3, prev = $4, hash = $5 WHERE room_uid = $1 AND seq = $2",
            uid, row["seq"], seq, before, hash_,
        )  # fmt: skip
    await sql.execute("UPDATE parlour.log SET seq = $2, hash = $3 WHERE uid = $1", uid, len(rows), hash_)


async def remove_event(sql: Any, uid: UUID, seq: int) -> None:
    """Takes one event out, and no hash shows it."""
    await sql.execute("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = $2", uid, seq)
    await rechain(sql, uid)


async def rewrite_leaf(sql: Any, uid: UUID) -> None:
    """Puts a log's last leaf on the head that the log has now."""
    head = await sql.fetchrow("SELECT seq, hash FROM parlour.log WHERE uid = $1", uid)
    await sql.execute(
        "UPDATE parlour.tree_leaf SET seq = $2, head = $3, hash = $4 "
        "WHERE n = (SELECT max(n) FROM parlour.tree_leaf WHERE room_uid = $1)",
        uid, head["seq"], head["hash"], leaf_hash(head_entry(uid, head["seq"], head["hash"])),
    )  # fmt: skip


async def roll_back(sql: Any, size: int) -> None:
    """Cuts the tree back to an earlier checkpoint, and lets the signer look at everything again."""
    await sql.execute("DELETE FROM parlour.checkpoint WHERE size > $1", size)
    await sql.execute("DELETE FROM parlour.tree_leaf WHERE n >= $1", size)
    await sql.execute("DELETE FROM parlour.tree_node WHERE (n + 1) * (256 ^ level) > $1", size)
    await sql.execute("DELETE FROM parlour.cursor WHERE reader = 'record.checkpoints'")


async def insert_stray(sql: Any, uid: UUID, seq: int) -> None:
    """Puts a copy of a log's last event behind the log's head."""
    await sql.execute(
        "INSERT INTO parlour.event (room_uid, seq, p, pos, at, aggregate, version, type, audience, env, prev, hash) "
        "SELECT room_uid, $2::bigint, p, pos + 1000000, at, aggregate, version + 1, type, audience, env, hash, sha256(hash) "
        "FROM parlour.event WHERE room_uid = $1 ORDER BY seq DESC LIMIT 1",
        uid, seq,
    )  # fmt: skip
