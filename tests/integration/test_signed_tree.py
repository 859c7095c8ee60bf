"""A rewritten past is not signed: what a superuser does to the tree with SQL alone stops the signer, which says what it found."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from parlour.kernel.log import LogKey, LogUnavailable
from parlour.kernel.merkle import Edge, Node, leaf_hash
from parlour.record.adapters.files import SIGNED_TREE_FILE, SignedTreeFile
from parlour.record.adapters.proofs import PostgresTreeStore
from parlour.record.app.proofs.checkpoints import Checkpoints
from parlour.record.app.proofs.keys import CheckpointKeys
from parlour.record.app.proofs.tree import Note, TreeDamaged, TreeGrowth
from parlour.record.app.proofs.tree_guard import TreeGuard
from parlour.runtime.clock import SystemClock
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.testkit.harness.retention import keys_in
from parlour.testkit.harness.tampering import rechain, remove_event, rewrite_leaf, roll_back
from parlour.testkit.units import append, new_log, unit
from parlour.verify.notes import Checkpoint, SigningKey, sign_note

Environment = Callable[[str], dict[str, str]]
ORIGIN = "test.example/record"


class Signer:
    """Rooms written as the owner, checkpoints made as the record's role, and both again after a restart."""

    def __init__(self, owner: Pool, record: Pool, state: Path, keys: CheckpointKeys) -> None:
        self.owner = owner
        self.record = record
        self.state = state
        self.keys = keys
        self.tree = PostgresTreeStore(record)
        self.checkpoints = self.restarted()

    def restarted(self, tree: PostgresTreeStore | None = None) -> Checkpoints:
        """A process that knows what stands in the file, and no more."""
        tree = tree or self.tree
        return Checkpoints(
            tree, self.keys.signing_keys, TreeGuard(tree, self.keys.own_keys), SignedTreeFile(self.state), SystemClock()
        )

    async def room(self, events: int = 9) -> LogKey:
        key = new_log()
        await PostgresLog(self.owner).append((unit(append(key, events, creates=True)),))
        return key

    async def note(self) -> Note:
        note = await self.tree.note(0)
        assert note is not None
        return note


@pytest.fixture
async def signer(postgres: str, environment: Environment, tmp_path: Path) -> AsyncIterator[Signer]:
    async with (
        await create_pool(postgres, name="owner") as owner,
        await create_pool(environment("record")["PARLOUR_POSTGRES_DSN"], name="record") as record,
    ):
        await owner.execute("TRUNCATE parlour.tree_leaf, parlour.tree_node, parlour.checkpoint, parlour.checkpoint_key")
        await owner.execute("TRUNCATE parlour.event, parlour.log, parlour.cursor")
        keys = keys_in(record, bytes(range(32)), ORIGIN)
        yield Signer(owner, record, tmp_path, keys)


async def change_event(signer: Signer, key: LogKey) -> None:
    await remove_event(signer.owner, key.uid, 4)
    await rewrite_leaf(signer.owner, key.uid)


async def change_root(signer: Signer, key: LogKey) -> None:
    """The tree is made whole again, note and all, but for the signature."""
    await change_event(signer, key)
    note = await signer.note()
    edge = Edge()
    edge.extend([leaf_hash(one.leaf.entry()) for one in await signer.tree.stored_leaves(0, note.size)])
    root = edge.root()
    line = note.text.partition("\n\n")[2]
    text = Checkpoint(ORIGIN, note.size, root).text() + "\n" + line
    await signer.owner.execute(
        "UPDATE parlour.checkpoint SET root = $2, note = $3 WHERE size = $1", note.size, root, text
    )


async def sign_with_another_key(signer: Signer, key: LogKey) -> None:
    """A key of the superuser's own stands among ours; it can't be sealed under the master key."""
    await change_root(signer, key)
    note = await signer.note()
    forged = SigningKey(ORIGIN, Ed25519PrivateKey.generate())
    text = sign_note(Checkpoint(ORIGIN, note.size, note.root).text(), (forged,))
    await signer.owner.execute("UPDATE parlour.checkpoint SET note = $2 WHERE size = $1", note.size, text)
    await signer.owner.execute(
        "INSERT INTO parlour.checkpoint_key SELECT $1, name, sealed, made_at + 1, 0 FROM parlour.checkpoint_key LIMIT 1",
        forged.public.raw,
    )


async def change_entry(signer: Signer, key: LogKey) -> None:
    await signer.owner.execute("UPDATE parlour.tree_leaf SET seq = seq - 1 WHERE room_uid = $1", key.uid)


async def change_hash(signer: Signer, key: LogKey) -> None:
    await signer.owner.execute("UPDATE parlour.tree_leaf SET hash = sha256(hash) WHERE room_uid = $1", key.uid)


async def remove_leaf(signer: Signer, key: LogKey) -> None:
    await signer.owner.execute("DELETE FROM parlour.tree_leaf WHERE room_uid = $1", key.uid)


async def add_leaf(signer: Signer, key: LogKey) -> None:
    await signer.owner.execute(
        "INSERT INTO parlour.tree_leaf SELECT leaf_index + 1, room_uid, seq, head, hash FROM parlour.tree_leaf "
        "ORDER BY leaf_index DESC LIMIT 1"
    )


async def change_node(signer: Signer, key: LogKey) -> None:
    await signer.owner.execute("UPDATE parlour.tree_node SET hash = sha256(hash)")


async def remove_checkpoint(signer: Signer, key: LogKey) -> None:
    await signer.owner.execute("DELETE FROM parlour.checkpoint WHERE size = (SELECT max(size) FROM parlour.checkpoint)")


async def change_checkpoint_row(signer: Signer, key: LogKey) -> None:
    await signer.owner.execute("UPDATE parlour.checkpoint SET root = sha256(root)")


async def forget_tree(signer: Signer, key: LogKey) -> None:
    await roll_back(signer.owner, 0)


TAMPERINGS = (
    change_event, change_root, sign_with_another_key, change_entry, change_hash, remove_leaf, add_leaf, change_node,
    remove_checkpoint, change_checkpoint_row, forget_tree,
)  # fmt: skip


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda one: one.__name__)
async def test_a_rewritten_past_is_not_signed(
    signer: Signer, tamper: Callable[[Signer, LogKey], Awaitable[None]], restart: bool
) -> None:
    for _ in range(260):  # more than one tile
        await signer.room(1)
    await signer.checkpoints.make()
    key = await signer.room()
    await signer.checkpoints.make()
    signed = {row["note"] for row in await signer.owner.fetch("SELECT note FROM parlour.checkpoint")}
    async with signer.owner.acquire() as sql, sql.transaction():
        await tamper(signer, key)
    await signer.room()
    again = signer.restarted() if restart else signer.checkpoints
    if tamper is change_node and not restart:
        await again_whole(again)
    else:
        with pytest.raises(TreeDamaged):
            await again.make()
    assert again.status.problem
    notes = {row["note"] for row in await signer.owner.fetch("SELECT note FROM parlour.checkpoint")}
    forged = 1 if tamper in (change_root, sign_with_another_key) else 0
    assert len(notes - signed) == forged, "the only note that we did not sign is the one that was forged"


async def again_whole(checkpoints: Checkpoints) -> None:
    """What a running signer finds when it computes all of the tree, as it does now and then and a doctor asks for."""
    with pytest.raises(TreeDamaged):
        await checkpoints.check(whole=True)


async def test_nothing_is_signed_over_a_past_that_was_written_anew(signer: Signer) -> None:
    """An event is taken out, every hash and the leaf are computed anew; another room moves, and a new process signs, or does not."""
    key = await signer.room()
    await signer.checkpoints.make()
    signed = await signer.note()
    async with signer.owner.acquire() as sql, sql.transaction():
        await change_event(signer, key)
    await signer.room()
    with contextlib.suppress(TreeDamaged):
        await signer.restarted().make()
    assert await signer.note() == signed


async def test_a_cut_tail_is_not_signed_anew(signer: Signer) -> None:
    """A room's tail, its leaf, and all checkpoints behind it are gone: trees of those sizes were signed once."""
    key = await signer.room(3)
    await signer.checkpoints.make()
    before = await signer.note()
    for _ in range(2):
        await PostgresLog(signer.owner).append((unit(append(key, 5)),))
        await signer.checkpoints.make()
    await roll_back(signer.owner, before.size)
    await signer.owner.execute("DELETE FROM parlour.event WHERE room_uid = $1 AND seq > 3", key.uid)
    await rechain(signer.owner, key.uid)
    await signer.room()
    for checkpoints in (signer.checkpoints, signer.restarted()):
        with pytest.raises(TreeDamaged, match="was signed"):
            await checkpoints.make()
    assert (await signer.note()) == before


async def test_a_head_that_contradicts_a_signed_one_is_left_out(signer: Signer) -> None:
    """Only the room is rewritten and moves on; the tree is as it was, and goes on without that room."""
    key = await signer.room()
    await signer.checkpoints.make()
    await remove_event(signer.owner, key.uid, 4)
    await PostgresLog(signer.owner).append((unit(append(key, 2)),))
    other = await signer.room()
    await signer.checkpoints.make()
    leaves = await signer.tree.stored_leaves(0, 10)
    assert [one.leaf.room_uid for one in leaves] == [key.uid, other.uid]
    assert signer.checkpoints.status.refused == 1


class Unanswered(PostgresTreeStore):
    """The database takes the checkpoint or does not, and nobody hears which."""

    takes = False

    async def grow(self, from_size: int, change: TreeGrowth, nodes: Sequence[Node], note: Note) -> bool:
        if self.takes:
            await super().grow(from_size, change, nodes, note)
        raise LogUnavailable("the connection ended")


@pytest.mark.parametrize("taken", [False, True], ids=["lost", "arrived"])
async def test_what_was_signed_is_published_as_it_was_signed(signer: Signer, taken: bool) -> None:
    await signer.room()
    tree = Unanswered(signer.record)
    tree.takes = taken
    with pytest.raises(LogUnavailable):
        await signer.restarted(tree).make()
    signed = SignedTreeFile(signer.state).load()
    assert signed is not None
    assert signed.next is not None
    await signer.room()
    await signer.restarted().make()
    assert (await signer.tree.note(signed.next.note.size)) == signed.next.note
    assert (await signer.note()).size == signed.next.note.size + 1


async def test_another_replica_may_come_first(signer: Signer, tmp_path: Path) -> None:
    """What this one signed for a size that another's checkpoint has was never published, and is let go."""
    await signer.room()
    with pytest.raises(LogUnavailable):
        await signer.restarted(Unanswered(signer.record)).make()
    elsewhere = Signer(signer.owner, signer.record, tmp_path / "other", signer.keys)
    await signer.room()
    await elsewhere.checkpoints.make()
    again = signer.restarted()
    await signer.room()
    await again.make()
    assert again.status.problem == ""
    assert (await signer.note()).size == 3


@pytest.mark.parametrize("damage", ["garbage", "a folder"])
async def test_without_its_memory_it_signs_nothing(signer: Signer, damage: str) -> None:
    await signer.room()
    if damage == "garbage":
        (signer.state / SIGNED_TREE_FILE).write_text("{")
    else:
        (signer.state / SIGNED_TREE_FILE).mkdir()
    with pytest.raises(TreeDamaged):
        await signer.restarted().make()
    assert await signer.tree.note(0) is None


async def test_the_way_out_is_to_take_the_memory_away(signer: Signer) -> None:
    """A database that was restored from a backup is continued, once somebody has said so."""
    await signer.room()
    await signer.checkpoints.make()
    before = await signer.note()
    for _ in range(2):
        await signer.room()
        await signer.checkpoints.make()
    await roll_back(signer.owner, before.size)
    with pytest.raises(TreeDamaged):
        await signer.restarted().make()
    shutil.move(signer.state / SIGNED_TREE_FILE, signer.state / "before-the-backup.json")
    await signer.restarted().make()
    assert (await signer.note()).size == 3


async def test_a_replica_that_signs_nothing_remembers_too(signer: Signer, tmp_path: Path) -> None:
    watching = Signer(signer.owner, signer.record, tmp_path / "other", signer.keys)
    await signer.room()
    await signer.checkpoints.make()
    await watching.checkpoints.check()
    await roll_back(signer.owner, 0)
    for one in (watching.checkpoints, watching.restarted()):
        with pytest.raises(TreeDamaged):
            await one.check()


async def test_an_installation_draws_its_own_origin_and_keeps_it(signer: Signer) -> None:
    drawn = keys_in(signer.record, bytes(32), "")
    name = (await drawn.signing_keys())[0].public.name
    assert name.startswith("parlour.local/")
    assert name.endswith("/record")
    assert len(name) > len("parlour.local/record")
    assert (await keys_in(signer.record, bytes(32), "").signing_keys())[0].public.name == name
    assert (await drawn.rotate()).public.name == name


async def test_the_name_that_all_once_had_is_left(signer: Signer) -> None:
    shared = await keys_in(signer.record, bytes(32), "parlour.local/record").rotate()
    keys = await keys_in(signer.record, bytes(32), "").signing_keys()
    assert keys[0].public.name not in ("parlour.local/record", "")
    assert keys[1].public == shared.public
