"""Checkpoints on real Postgres and NATS: signed, provable, never forked, served as other people's verifiers want them."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from uuid_utils import uuid7

from parlour.cli.operator.connection import send_command
from parlour.contracts import commands as cmd
from parlour.contracts import proofs as contract
from parlour.contracts import subjects
from parlour.contracts.proofs import head_entry
from parlour.gateway.settings import GatewaySettings
from parlour.gateway.wiring import build as build_gateway
from parlour.kernel import merkle
from parlour.kernel.log import LogKey
from parlour.record.adapters.files import SignedTreeFile
from parlour.record.adapters.proofs import PostgresTreeStore
from parlour.record.app.proofs.checkpoints import Checkpoints
from parlour.record.app.proofs.tree import Leaf, TreeDamaged, TreeGrowth
from parlour.record.app.proofs.tree_guard import TreeGuard
from parlour.record.settings import RecordSettings
from parlour.record.wiring import build as build_record
from parlour.runtime.clock import SystemClock
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.runtime.process.run import Service
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.harness.retention import keys_in
from parlour.testkit.units import append, new_log, unit
from parlour.verify.notes import Checkpoint, open_note, parse_checkpoint, parse_key

Environment = Callable[[str], dict[str, str]]
Running = Callable[..., AbstractAsyncContextManager[dict[str, Service]]]
AUDITED = 4712
ORIGIN = "test.example/record"
WITHIN_S = 20.0
TWICE = "SELECT count(*) - count(DISTINCT (room_uid, seq)) FROM parlour.tree_leaf"


async def got(http: aiohttp.ClientSession, path: str) -> bytes:
    async with http.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


class RetentionHarness:
    """Writes rooms as the owner, makes checkpoints as the record's role."""

    def __init__(self, owner: Pool, record: Pool, state: Path, master_key: str) -> None:
        self.owner = owner
        self.log = PostgresLog(owner)
        self.tree = PostgresTreeStore(record)
        self.keys = keys_in(record, bytes.fromhex(master_key), ORIGIN)
        self.state = state
        self.checkpoints = self.signer(self.tree)

    def signer(self, tree: PostgresTreeStore, state: Path | None = None) -> Checkpoints:
        """As a replica that has just been started."""
        store = SignedTreeFile(state or self.state)
        return Checkpoints(tree, self.keys.signing_keys, TreeGuard(tree, self.keys.own_keys), store, SystemClock())

    async def rooms(self, count: int) -> list[LogKey]:
        keys = [new_log() for _ in range(count)]
        await self.log.append(tuple(unit(append(key, 3, creates=True)) for key in keys))
        return keys

    async def signed(self) -> Checkpoint:
        note = await self.tree.note(0)
        assert note is not None
        return parse_checkpoint(
            open_note(note.text, tuple([parse_key(k.key) for k in await self.keys.published_keys()]))
        )


@pytest.fixture
async def record_pool(environment: Environment) -> AsyncIterator[Pool]:
    async with await create_pool(environment("record")["PARLOUR_POSTGRES_DSN"], name="record") as pool:
        yield pool


@pytest.fixture
async def harness(
    postgres: str, record_pool: Pool, tmp_path: Path, environment: Environment
) -> AsyncIterator[RetentionHarness]:
    async with await create_pool(postgres, name="owner") as owner:
        yield RetentionHarness(owner, record_pool, tmp_path, environment("record")["PARLOUR_MASTER_KEY"])


async def test_a_checkpoint_takes_up_what_changed_and_nothing_twice(harness: RetentionHarness) -> None:
    await harness.rooms(3)
    await harness.checkpoints.make()
    before = await harness.signed()
    (key,) = await harness.rooms(1)
    await harness.checkpoints.make()
    after = await harness.signed()
    assert after.size == before.size + 1
    (added,) = await harness.tree.stored_leaves(before.size, 1)
    state = await harness.log.head(key.uid)
    assert state is not None
    assert added.leaf == Leaf(key.uid, 3, state.hash)
    assert not await harness.checkpoints.make()
    assert (await harness.signed()) == after


async def test_the_root_is_that_of_all_leaves(harness: RetentionHarness) -> None:
    for count in (200, 100, 1):
        await harness.rooms(count)
        await harness.checkpoints.make()
    signed = await harness.signed()
    leaves = [merkle.leaf_hash(one.leaf.entry()) for one in await harness.tree.stored_leaves(0, signed.size)]
    edge = merkle.Edge()
    edge.extend(leaves)
    assert (edge.size, edge.root()) == (signed.size, signed.root)


class Overtaken(PostgresTreeStore):
    """Somebody else makes a checkpoint right behind this one's look at what changed."""

    def __init__(self, pool: Pool, other: Checkpoints) -> None:
        super().__init__(pool)
        self._other = other

    async def changed(self, at_most: int) -> TreeGrowth:
        change = await super().changed(at_most)
        await self._other.make()
        return change


async def test_what_somebody_else_took_up_is_not_taken_up_again(harness: RetentionHarness, record_pool: Pool) -> None:
    await harness.rooms(2)
    slow = harness.signer(Overtaken(record_pool, harness.checkpoints), harness.state / "slow")
    await slow.make()
    assert await harness.owner.fetchval(TWICE) == 0


async def test_two_at_once_do_not_fork_it(harness: RetentionHarness) -> None:
    await harness.rooms(20)
    await asyncio.gather(*(harness.checkpoints.make() for _ in range(4)))
    signed = await harness.signed()
    numbers = await harness.owner.fetchval("SELECT count(*) FROM parlour.tree_leaf")
    again = await harness.owner.fetchval(TWICE)
    assert (numbers, again) == (signed.size, 0)


async def test_a_tree_that_was_cut_is_not_continued(harness: RetentionHarness) -> None:
    await harness.rooms(2)
    await harness.checkpoints.make()
    before = await harness.signed()
    await harness.rooms(1)
    rows = "FROM parlour.checkpoint WHERE size = $1"
    note = await harness.owner.fetchrow(f"SELECT * {rows}", before.size)
    assert note is not None
    await harness.owner.execute(f"DELETE {rows}", before.size)
    with pytest.raises(TreeDamaged, match=f"one of {before.size} was signed"):
        await harness.checkpoints.make()
    await harness.owner.execute("INSERT INTO parlour.checkpoint VALUES ($1, $2, $3, $4)", *note.values())
    await harness.checkpoints.make()
    assert (await harness.signed()).size == before.size + 1


async def test_a_new_key_signs_and_the_old_one_still_does(harness: RetentionHarness) -> None:
    await harness.rooms(1)
    await harness.checkpoints.make()
    first = parse_key((await harness.keys.published_keys())[0].key)
    await harness.keys.rotate()
    await harness.rooms(1)
    await harness.checkpoints.make()
    note = await harness.tree.note(0)
    assert note is not None
    second = parse_key((await harness.keys.published_keys())[0].key)
    assert first != second
    assert open_note(note.text, (first,)) == open_note(note.text, (second,))


async def test_the_record_adds_to_the_tree_and_changes_nothing(
    harness: RetentionHarness, environment: Environment
) -> None:
    connection = await asyncpg.connect(environment("record")["PARLOUR_POSTGRES_DSN"])
    try:
        for table in ("tree_leaf", "tree_node", "checkpoint", "checkpoint_key"):
            for statement in (
                f"DELETE FROM parlour.{table}",
                f"INSERT INTO parlour.{table} SELECT * FROM parlour.{table}",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("cut", [False, True])
async def test_a_history_written_anew_is_named(harness: RetentionHarness, cut: bool) -> None:
    """A superuser who computes every hash again, and mends the head too, is still found out."""
    (key,) = await harness.rooms(1)
    await harness.checkpoints.make()
    if cut:
        await harness.owner.execute("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = 3", key.uid)
        await harness.owner.execute(
            "UPDATE parlour.log SET seq = 2, hash = (SELECT hash FROM parlour.event WHERE room_uid = $1 AND seq = 2) "
            "WHERE uid = $1", key.uid,
        )  # fmt: skip
    else:
        await harness.owner.execute(
            "UPDATE parlour.event SET appended_at = appended_at + 1, hash = parlour.event_hash(prev, seq, "
            "appended_at + 1, env) WHERE room_uid = $1 AND seq = 3", key.uid,
        )  # fmt: skip
        await harness.owner.execute(
            "UPDATE parlour.log SET hash = (SELECT hash FROM parlour.event WHERE room_uid = $1 AND seq = 3) WHERE uid = $1",
            key.uid,
        )
    row = await harness.owner.fetchrow("SELECT * FROM parlour.verify($1)", key.uid)
    assert row is not None
    assert (row["ok"], row["broken_seq"]) == (False, 3)
    assert "a checkpoint" in row["problem"]


class TestServed:
    """Over NATS and HTTP, by the services themselves."""

    @pytest.fixture
    async def bus(self, environment: Environment) -> AsyncIterator[Bus]:
        settings = load(
            RecordSettings,
            environment("record") | {"PARLOUR_RECORD_CHECKPOINT_S": "0.2", "PARLOUR_RECORD_ORIGIN": ORIGIN},
        )
        async with build_record(settings), await Bus.connect(load(BusSettings, environment("cli")), "cli") as bus:
            yield bus

    @pytest.fixture
    async def http(self, bus: Bus, environment: Environment) -> AsyncIterator[aiohttp.ClientSession]:
        from parlour.cli.embedded.launch import free_port

        port = free_port()
        own = {"PARLOUR_GATEWAY_PORT": str(port), "PARLOUR_GATEWAY_PUBLIC_ENTRIES": "true"}
        async with (
            build_gateway(load(GatewaySettings, environment("gateway") | own)),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            yield client

    async def proof(self, bus: Bus, key: LogKey) -> contract.Inclusion:
        subject = subjects.query(0, "", "inclusion")
        async with asyncio.timeout(WITHIN_S):
            while True:
                found = await bus.request(subject, contract.InclusionQuery(str(key.uid)), contract.Inclusion, WITHIN_S)
                if found.size:
                    return found
                await asyncio.sleep(0.05)

    async def test_a_head_is_proven_to_whoever_has_the_key(
        self, harness: RetentionHarness, bus: Bus, http: aiohttp.ClientSession
    ) -> None:
        (key,) = await harness.rooms(1)
        found = await self.proof(bus, key)
        keys = tuple(parse_key(one["key"]) for one in json.loads(await got(http, "/v1/checkpoints/keys"))["keys"])
        signed = parse_checkpoint(open_note(found.note, keys))
        entry = head_entry(key.uid, found.seq, found.hash)
        assert signed.origin == ORIGIN
        assert merkle.includes(signed.root, signed.size, found.index, merkle.leaf_hash(entry), found.path)
        assert (await got(http, f"/v1/checkpoints/{signed.size}")).decode() == found.note

    async def test_a_reader_of_tiles_alone_comes_to_the_signed_root(
        self, harness: RetentionHarness, bus: Bus, http: aiohttp.ClientSession
    ) -> None:
        keys = await harness.rooms(300)
        await self.proof(bus, keys[-1])
        signed = parse_checkpoint((await got(http, "/checkpoint")).decode().partition("\n\n")[0] + "\n")
        assert signed.size > 256
        hashes = await got(http, "/tile/0/000")
        leaves = [hashes[i : i + 32] for i in range(0, len(hashes), 32)]
        assert len(leaves) == 256
        entries = await got(http, "/tile/entries/000")
        assert merkle.leaf_hash(entries[2 : 2 + int.from_bytes(entries[:2])]) == leaves[0]
        at, rest = 256, signed.size
        while at < rest:
            width = min(256, rest - at)
            path = f"/tile/0/{at // 256:03}" + (f".p/{width}" if width < 256 else "")
            content = await got(http, path)
            leaves += [content[i : i + 32] for i in range(0, len(content), 32)]
            at += width
        edge = merkle.Edge()
        edge.extend(leaves)
        assert edge.root() == signed.root
        above = await got(http, f"/tile/1/000.p/{signed.size // 256}")
        assert above[:32] == merkle.hash_of(0, 256, lambda run: [above[:32]])

    async def test_growth_is_proven(self, harness: RetentionHarness, bus: Bus, http: aiohttp.ClientSession) -> None:
        (first,) = await harness.rooms(1)
        old = await self.proof(bus, first)
        keys = await harness.rooms(5)
        new = await self.proof(bus, keys[-1])
        answer = json.loads(await got(http, f"/v1/checkpoints/consistency?old={old.size}&new={new.size}"))
        path = [b64decode(step) for step in answer.get("path", [])]
        was, now = (parse_checkpoint(found.note) for found in (old, new))
        assert merkle.continues(was.root, was.size, now.root, now.size, path)

    async def test_a_room_s_auditor_gets_its_proof_and_nobody_else(
        self, bus: Bus, http: aiohttp.ClientSession, running: Running, harness: RetentionHarness
    ) -> None:
        async with running("auth"):
            await send_command(bus, AUDITED, cmd.CreateApp(app=AUDITED), cmd.AppDescription)
            key = new_log(app=AUDITED)
            await harness.log.append((unit(append(key, 3, creates=True)),))
            await self.proof(bus, key)
            asked = cmd.IssueSubscription(key.room, "", ("audit",))
            token = (await send_command(bus, AUDITED, asked, cmd.SubscriptionMade)).token
            bearer = {"authorization": f"Bearer {token}"}
            path = f"/v1/rooms/{key.room}/proof"
            async with http.get(path, headers=bearer) as answer:
                assert (answer.status, (await answer.json())["seq"]) == (200, 3)
            async with http.get(path + "?format=tlog-proof", headers=bearer) as answer:
                assert (await answer.text()).startswith("c2sp.org/tlog-proof@v1\nindex ")
            (other,) = await harness.rooms(1)
            for refused in (f"{path}?call={other.uid}", f"/v1/rooms/{other.room}/proof"):
                async with http.get(refused, headers=bearer) as answer:
                    assert answer.status == 403
            async with http.get(path) as answer:
                assert answer.status == 401

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/tile/0/999", 404),
            ("/tile/9/000", 404),
            ("/tile/nonsense", 404),
            ("/v1/checkpoints/0", 400),
            ("/v1/checkpoints/987654321", 404),
            ("/v1/checkpoints/consistency?old=1", 400),
        ],
    )
    async def test_what_is_not_there(self, http: aiohttp.ClientSession, path: str, status: int) -> None:
        answer = await http.get(path)
        assert answer.status == status
        assert answer.content_type == "application/problem+json"

    async def test_a_room_of_another_app_is_none(self, harness: RetentionHarness, bus: Bus) -> None:
        (key,) = await harness.rooms(1)
        subject = subjects.query(0, "", "inclusion")
        for query in (
            contract.InclusionQuery(str(key.uid), key.app + 1, key.room),
            contract.InclusionQuery(str(key.uid), key.app, key.room + "x"),
            contract.InclusionQuery(str(uuid7())),
        ):
            problem = (await bus.request(subject, query, contract.Inclusion, WITHIN_S)).problem
            assert problem is not None
            assert problem.message == "there is no such log"
