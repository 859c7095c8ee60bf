"""What somebody with the database and without the key does by hand: each kind of tampering is named by `parlour.verify`, and by
`parlour audit verify` where an export shows what was changed.

The auditor fetched the key and kept a checkpoint before. A room's eight events are those of `Auditor.call`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from parlour.cli.main import app
from parlour.kernel.log import LogKey
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.testkit.harness.auditor import Auditor, running_auditor
from parlour.testkit.harness.tampering import (
    copy_life,
    insert_event,
    insert_stray,
    rechain,
    remove_event,
    replace_key,
    rewrite_leaf,
    roll_back,
    sign_anew,
)
from parlour.testkit.units import append, new_log, unit
from parlour.verify.notes import SigningKey

Environment = Callable[[str], dict[str, str]]
WHOLE, NOT_AS_RECORDED, NOT_PROVEN = 0, 1, 4
EVENT = "UPDATE parlour.event SET {} WHERE room_uid = $1 AND seq = {}"
LOG = "UPDATE parlour.log SET {} WHERE uid = $1"
LEAF = "UPDATE parlour.tree_leaf SET {} WHERE room_uid = $1"
NO_LEAF = "DELETE FROM parlour.tree_leaf WHERE room_uid = $1"
ANY = "$1::uuid IS NOT NULL"
REMOVE = "DELETE FROM parlour.event WHERE room_uid = $1 AND seq {}"
TABLES = (
    "event", "log", "claim", "person", "erasure", "cursor", "tree_leaf", "tree_node", "checkpoint", "checkpoint_key",
)  # fmt: skip


class Kind(NamedTuple):
    """What is done; the event that `parlour.verify` names, and a part of its sentence (empty: it names nothing); the exit code of
    `parlour audit verify` of an export, and a part of what that says."""

    name: str
    tamper: str | Callable[[Any, UUID], Awaitable[None]]
    seq: int | None
    sql: str
    code: int = WHOLE
    words: str = "whole"


OWN_KEY = SigningKey("parlour.local/record", Ed25519PrivateKey.generate())


async def change_and_rechain(sql: Any, uid: UUID) -> None:
    await sql.execute(EVENT.format(OTHER_SESSION, 7), uid)
    await rechain(sql, uid)


async def change_and_rewrite_leaf(sql: Any, uid: UUID) -> None:
    await change_and_rechain(sql, uid)
    await rewrite_leaf(sql, uid)


async def change_and_sign_anew(sql: Any, uid: UUID) -> None:
    """Everything is made anew, down to a signature by another key, which is published in the place of the record's."""
    await change_and_rewrite_leaf(sql, uid)
    await sign_anew(sql, OWN_KEY)
    await replace_key(sql, OWN_KEY)


async def remove_and_rewrite_leaf(sql: Any, uid: UUID) -> None:
    await remove_event(sql, uid, 7)
    await rewrite_leaf(sql, uid)


async def cut_with_head(sql: Any, uid: UUID) -> None:
    await sql.execute(REMOVE.format("> 5"), uid)
    await rechain(sql, uid)


async def cut_with_checkpoints(sql: Any, uid: UUID) -> None:
    """The tail, and every checkpoint."""
    await sql.execute("DELETE FROM parlour.event WHERE room_uid = $1 AND seq > 5", uid)
    await rechain(sql, uid)
    await roll_back(sql, 0)


async def swap_places(sql: Any, uid: UUID) -> None:
    await sql.execute("UPDATE parlour.event SET seq = -13 + seq WHERE room_uid = $1 AND seq IN (6, 7)", uid)
    await sql.execute("UPDATE parlour.event SET seq = -seq WHERE room_uid = $1 AND seq < 0", uid)


async def insert_in_the_middle(sql: Any, uid: UUID) -> None:
    await insert_event(sql, uid, 7)


async def insert_and_rechain(sql: Any, uid: UUID) -> None:
    await insert_event(sql, uid, 7)
    await rechain(sql, uid)


async def put_behind_the_head(sql: Any, uid: UUID) -> None:
    await insert_stray(sql, uid, 9)


async def forge_an_end(sql: Any, uid: UUID) -> None:
    """One more event with the right hash, and the log's row on it."""
    await insert_stray(sql, uid, 9)
    await rechain(sql, uid)


async def empty_the_log(sql: Any, uid: UUID) -> None:
    """No event, and a head as of a log that has none yet; the leaf is gone too."""
    await sql.execute("DELETE FROM parlour.event WHERE room_uid = $1", uid)
    await rechain(sql, uid)
    await roll_back(sql, 0)


async def move_the_signer_on(sql: Any, uid: UUID) -> None:
    """The signer believes that it has signed all that will ever come."""
    await sql.execute("UPDATE parlour.cursor SET pos = pos + 1000000 WHERE reader = 'record.checkpoints'")


async def hide_an_event_from_the_signer(sql: Any, uid: UUID) -> None:
    """A new event with all that belongs to it, which the signer believes to have seen."""
    await insert_stray(sql, uid, 9)
    await sql.execute("UPDATE parlour.event SET pos = pos - 999999 WHERE room_uid = $1 AND seq = 9", uid)
    await rechain(sql, uid)
    await sql.execute(
        "UPDATE parlour.shard s SET pos = s.pos + 1 FROM parlour.log g WHERE g.uid = $1 AND s.shard = g.shard", uid
    )
    await sql.execute(
        "UPDATE parlour.cursor c SET pos = s.pos FROM parlour.shard s WHERE c.reader = 'record.checkpoints' AND s.shard = c.shard"
    )


async def delete_a_person_unseen(sql: Any, uid: UUID) -> None:
    """The key goes, and a row says that its erasure is only now under way: for ever."""
    await sql.execute("INSERT INTO parlour.erasure SELECT actor, 'infinity' FROM parlour.person")
    await sql.execute("DELETE FROM parlour.person")


OTHER_SESSION = "env = convert_to(replace(convert_from(env, 'UTF8'), '\"sb\"', '\"sa\"'), 'UTF8')"
CHANGED = "event {} was changed"
ANOTHER_HASH = "the signed head has another hash"
KINDS = (
    Kind("bytes", EVENT.format(OTHER_SESSION, 7), 7, "not that of its bytes", NOT_AS_RECORDED, CHANGED.format(7)),
    Kind("bytes, rechained", change_and_rechain, 8, "a checkpoint has another hash", NOT_AS_RECORDED, ANOTHER_HASH),
    Kind("bytes, with its leaf", change_and_rewrite_leaf, 8, "the last checkpoint", NOT_AS_RECORDED, "not in the signed tree"),
    Kind("bytes, signed by another key", change_and_sign_anew, None, "", NOT_AS_RECORDED, "no key that is trusted"),
    Kind("time", EVENT.format("appended_at = appended_at + 1", 8), 8, "not that of its bytes", NOT_AS_RECORDED, CHANGED.format(8)),
    Kind("hash", EVENT.format("hash = sha256(hash)", 6), 6, "not that of its bytes", NOT_AS_RECORDED, CHANGED.format(6)),
    Kind("hash of the event before", EVENT.format("prev = hash", 6), 6, "does not cite", NOT_AS_RECORDED, "cites another hash"),
    Kind("type", EVENT.format("type = 'im.barrage_sent.v1'", 7), 7, "other than its envelope", NOT_PROVEN, "TEXTS LEFT OUT: 1"),
    Kind("version", EVENT.format("version = 9", 8), 8, "its version is not the next"),
    Kind("aggregate", EVENT.format("aggregate = 'room'", 8), 8, "other than its envelope"),
    Kind("private command shown to all", EVENT.format("audience = 0", 5), 5, "its audience is not that of its type"),
    Kind("message hidden from members", EVENT.format("audience = 2", 6), 6, "its audience is not that of its type"),
    Kind("positions swapped", EVENT.format("pos = pos + CASE seq WHEN 6 THEN 1 ELSE -1 END", "ANY ('{6,7}')"), 7, "its position"),
    Kind("position of the future", EVENT.format("pos = pos + 1000", 8), 8, "has not reached"),
    Kind("first event removed", REMOVE.format("= 1"), 1, "missing before seq 2", NOT_AS_RECORDED, "event 1 was taken out"),
    Kind("event removed", REMOVE.format("= 4"), 4, "missing before seq 5", NOT_AS_RECORDED, "event 4 was taken out"),
    Kind("event removed, with its leaf", remove_and_rewrite_leaf, 7, "the last checkpoint", NOT_AS_RECORDED, "not in the signed tree"),
    Kind("end cut", REMOVE.format("> 5"), 6, "last events are missing", NOT_AS_RECORDED, "event 6 is missing"),
    Kind("end cut, with its head", cut_with_head, 8, "a checkpoint knows this event", NOT_AS_RECORDED, "event 6 is missing"),
    Kind("end cut, with all checkpoints", cut_with_checkpoints, None, "", NOT_PROVEN, "NOT COMPARED"),
    Kind("two events swapped", swap_places, 6, "does not cite", NOT_AS_RECORDED, "event 6: the database cites another hash"),
    Kind("event put in", insert_in_the_middle, 8, "does not cite", NOT_AS_RECORDED, "cites another hash"),
    Kind("event put in, rechained", insert_and_rechain, 8, "its position is not behind", NOT_AS_RECORDED, ANOTHER_HASH),
    Kind("event behind the head", put_behind_the_head, 9, "behind the head"),
    Kind("end forged", forge_an_end, 9, "has not reached", NOT_PROVEN, "signed up to event 8 of 9"),
    Kind("log's room", LOG.format("room = 'another'"), 1, "its first event is of room", NOT_AS_RECORDED, "the header names room 'another'"),
    Kind("log's app", LOG.format("app = 78"), 1, "its first event is of room", NOT_AS_RECORDED, "of app 78"),
    Kind("log's hash", LOG.format("hash = sha256(hash)"), 8, "the head has another hash"),
    Kind("log's number", LOG.format("seq = 9"), 9, "last events are missing"),
    Kind("log's time", LOG.format("last_event_at = last_event_at + 1"), 8, "another time"),
    Kind("log's state", LOG.format("open = false"), 8, "no event closed it"),
    Kind("log's versions", LOG.format("versions = '{}'"), 8, "other versions"),
    Kind("log's beginning", LOG.format("first_pos = first_pos + 1"), 1, "began at another position"),
    Kind("log emptied", empty_the_log, 1, "no event", NOT_PROVEN, "NOT COMPARED"),
    Kind("leaf's head", LEAF.format("head = sha256(head)"), 8, "a checkpoint has another hash", NOT_AS_RECORDED, "not in the signed tree"),
    Kind("leaf's hash", LEAF.format("hash = sha256(hash)"), 8, "another hash than its entry"),
    Kind("leaf removed", NO_LEAF, 8, "leaf 0 of the tree is missing", NOT_PROVEN, "NOT COMPARED"),
    Kind("checkpoint removed", f"DELETE FROM parlour.checkpoint WHERE {ANY}", 8, "in no checkpoint", NOT_PROVEN, "NOT COMPARED"),
    Kind("signer's place", move_the_signer_on, 8, "the signer is said to be at position"),
    Kind("event hidden from the signer", hide_an_event_from_the_signer, 9, "the signer went past", NOT_PROVEN, "up to event 8 of 9"),
    Kind("person's key removed", f"DELETE FROM parlour.person WHERE {ANY}", 2, "no app.user_erased event"),
    Kind("person's key removed, as if just now", delete_a_person_unseen, 2, "no app.user_erased event"),
    Kind("seat removed", f"DELETE FROM parlour.claim WHERE kind = 'client_session' AND {ANY}", 2, "holds no seat"),
    Kind("stream given away", f"UPDATE parlour.claim SET holder = 'x' WHERE kind = 'live_stream' AND {ANY}", 4, "its id is not held"),
    Kind("name freed", "DELETE FROM parlour.claim WHERE kind = 'open_room' AND holder = $1::uuid::text", 1, "does not hold its name"),
)  # fmt: skip


class Evidence(NamedTuple):
    """What the auditor fetched before: the key, and a checkpoint."""

    key: Path
    checkpoint: Path


@pytest.fixture
async def auditor(postgres: str, environment: Environment, tmp_path: Path) -> AsyncIterator[Auditor]:
    record = environment("record") | {"PARLOUR_RECORD_STATE": str(tmp_path / "state")}
    (tmp_path / "state").mkdir()
    async with await create_pool(postgres, name="owner") as owner:
        await owner.execute(f"TRUNCATE {', '.join(f'parlour.{table}' for table in TABLES)}")
    async with running_auditor(postgres, record, environment("cli")) as made:
        yield made


async def fetched(auditor: Auditor, key: LogKey, folder: Path) -> Evidence:
    evidence = Evidence(folder / "parlour.pub", folder / "kept.note")
    evidence.checkpoint.write_text((await auditor.signed(key)).note)
    evidence.key.write_text("\n".join(str(one) for one in await auditor.keys()))
    return evidence


async def tampered(auditor: Auditor, key: LogKey, kind: Kind) -> None:
    """In one transaction of the database's owner, with every trigger off."""
    async with auditor.owner.acquire() as sql, sql.transaction():
        await sql.execute("SET LOCAL session_replication_role = replica")
        if isinstance(kind.tamper, str):
            await sql.execute(kind.tamper, key.uid)
        else:
            await kind.tamper(sql, key.uid)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_what_is_changed_by_hand_is_named(auditor: Auditor, tmp_path: Path, kind: Kind) -> None:
    key = await auditor.call()
    evidence = await fetched(auditor, key, tmp_path)
    assert await auditor.in_sql(key) == (True, None)
    await tampered(auditor, key, kind)
    row = await auditor.owner.fetchrow("SELECT * FROM parlour.verify($1)", key.uid)
    assert row is not None
    code, words = await verified(auditor, key, evidence, tmp_path)
    assert (row["ok"], row["broken_seq"]) == (not kind.sql, kind.seq)
    assert kind.sql in (row["problem"] or "")
    assert code == kind.code
    assert kind.words in words


async def test_a_copy_of_a_life_and_a_life_that_is_gone_are_named_where_all_is_verified(auditor: Auditor) -> None:
    """As the how-to says it for the whole database."""
    key, gone = await auditor.call(), await auditor.room(user="zoe")
    for log in (key, gone):
        await auditor.signed(log)
    assert await all_verified(auditor) == ([], None)
    other = uuid4()
    async with auditor.owner.acquire() as sql, sql.transaction():
        await sql.execute("SET LOCAL session_replication_role = replica")
        await copy_life(sql, key.uid, other)
        await sql.execute("DELETE FROM parlour.event WHERE room_uid = $1", gone.uid)
        await sql.execute("DELETE FROM parlour.log WHERE uid = $1", gone.uid)
    bad, tree = await all_verified(auditor)
    assert bad == [(other, "its envelope is of another log")]
    assert tree == "a log was signed that is neither in the database nor in an archive"


TREES = {
    "UPDATE parlour.tree_leaf SET hash = sha256(hash) WHERE leaf_index = 7": (7, "another hash than its entry"),
    "UPDATE parlour.tree_leaf SET head = sha256(head) WHERE leaf_index = 7": (7, "another hash than its entry"),
    "DELETE FROM parlour.tree_leaf WHERE leaf_index = 256": (256, "the leaf is missing"),
    "DELETE FROM parlour.log WHERE uid = (SELECT room_uid FROM parlour.tree_leaf WHERE leaf_index = 7)": (
        7,
        "neither in the database nor",
    ),
    "DELETE FROM parlour.checkpoint WHERE size = (SELECT max(size) FROM parlour.checkpoint)": (
        256,
        "no checkpoint covers the leaf",
    ),
    "UPDATE parlour.tree_node SET hash = sha256(hash)": (0, "the kept hash 1/0 is not that of what is below it"),
    "DELETE FROM parlour.tree_node": (0, "the kept hash 1/0 is not that of what is below it"),
    "UPDATE parlour.checkpoint SET root = sha256(root)": (None, "the checkpoint of 257 leaves has another root"),
    "UPDATE parlour.checkpoint SET note = replace(note, '257', '258')": (
        None,
        "the checkpoint of 257 leaves has another root",
    ),
}


async def test_whatever_is_changed_in_the_tree_is_named(auditor: Auditor) -> None:
    """Two checkpoints: one tile of 256 leaves, then one more leaf."""
    first = [new_log() for _ in range(256)]
    await PostgresLog(auditor.owner).append(tuple(unit(append(key, 1, creates=True)) for key in first))
    await auditor.signed(first[0])
    last = await auditor.room()
    await auditor.signed(last)
    for key in (first[0], last):
        assert await auditor.in_sql(key) == (True, None)
    whole = await auditor.owner.fetchrow("SELECT * FROM parlour.verify_tree()")
    assert whole is not None
    assert (whole["ok"], whole["size"], whole["broken_leaf"], whole["problem"]) == (True, 257, None, None)
    assert whole["root"] in await auditor.owner.fetchval("SELECT note FROM parlour.checkpoint WHERE size = 257")
    for change, (leaf, problem) in TREES.items():
        async with auditor.owner.acquire() as sql:
            undone = sql.transaction()
            await undone.start()
            await sql.execute("SET LOCAL session_replication_role = replica")
            await sql.execute(change)
            found = await sql.fetchrow("SELECT * FROM parlour.verify_tree()")
            ends = [await sql.fetchval("SELECT ok FROM parlour.verify($1)", key.uid) for key in (first[7], last)]
            await undone.rollback()
        assert found is not None
        assert (found["ok"], found["broken_leaf"]) == (False, leaf), change
        assert problem in found["problem"], change
        assert not all(ends), change


async def all_verified(auditor: Auditor) -> tuple[list[tuple[UUID, str]], str | None]:
    """Each log that is not as it was recorded, and what is wrong with the tree."""
    bad = await auditor.owner.fetch(
        "SELECT g.uid, v.problem FROM parlour.log g, parlour.verify(g.uid) v WHERE NOT v.ok"
    )
    return [tuple(row) for row in bad], await auditor.owner.fetchval("SELECT problem FROM parlour.verify_tree()")


async def verified(auditor: Auditor, key: LogKey, evidence: Evidence, folder: Path) -> tuple[int, str]:
    """The exit code and the words of `parlour audit verify` of an export that is taken now."""
    (folder / "call.jsonl").write_bytes(await auditor.exported(key, wait_s=0))
    options = ["--key", str(evidence.key), "--checkpoint", str(evidence.checkpoint)]
    done = CliRunner().invoke(app, ["audit", "verify", str(folder / "call.jsonl"), *options])
    return done.exit_code, done.stdout
