"""Exports of a real record: a changed, removed, swapped or truncated event in Postgres is named by the export and by parlour.verify."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import msgspec
import pytest

from parlour.cli.audit.export import ask, export
from parlour.contracts import events as ev
from parlour.contracts import proofs as contract
from parlour.contracts.envelope import Envelope, encode_envelope
from parlour.kernel.log import Append, Claim, LogKey, NewEvent
from parlour.kernel.rejection import Rejection
from parlour.record.settings import RecordSettings
from parlour.record.wiring import build
from parlour.runtime.deciding import sealing
from parlour.runtime.exports.verdict import Verdict
from parlour.runtime.exports.verify import verify
from parlour.runtime.life.settings import BusSettings, load
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.postgres import PostgresLog, PostgresPeople, create_pool
from parlour.runtime.postgres.pool import Pool
from parlour.runtime.signing.notes import parse_key
from parlour.testkit.units import new_log, unit

Environment = Callable[[str], dict[str, str]]
WITHIN_S = 20.0


class Desk:
    """A room with sealed messages, and its export."""

    def __init__(self, owner: Pool, people: PostgresPeople, bus: Bus) -> None:
        self.owner = owner
        self.people = people
        self.bus = bus

    async def room(self, events: int = 8, user: str = "ann") -> LogKey:
        key = new_log()
        actor = await self.people.actor(key.app, user)
        await self.people.load(frozenset({actor}))
        said = [ev.BroadcastSent("s", actor, f"text {n}") for n in range(events - 1)]
        opened = Append(key, "room", None, (self._new(key, ev.RoomOpened(key.app, key.room)),), creates=True)
        messages = Append(key, "im", None, tuple(self._new(key, event) for event in said))
        named = Claim("take", "open_room", key.app, key.room, str(key.uid))
        await PostgresLog(self.owner).append((unit(opened, messages, claims=(named,)),))
        return key

    async def erased(self, app: int, user: str) -> None:
        """As auth does it: the key goes, and the app's own log says so."""
        actor = await self.people.actor(app, user)
        assert await self.people.erase(app, user)
        key = msgspec.structs.replace(new_log(app=app), room="")
        said = tuple(self._new(key, event) for event in (ev.AppCreated(app, ""), ev.UserErased(actor)))
        first, last = said
        appends = Append(key, "app", None, (first,), creates=True), Append(key, "privacy", None, (last,))
        await PostgresLog(self.owner).append((unit(*appends),))

    def _new(self, key: LogKey, event: ev.Event) -> NewEvent:
        data = sealing.sealed(self.people, event)
        envelope = Envelope(str(key.uid), event.AGGREGATE, 0, event.TAG, sealing.actor_of(event), "", "", "", data)
        return NewEvent(event.TAG, int(event.AUDIENCE), encode_envelope(envelope))

    async def signed(self, key: LogKey) -> None:
        async with asyncio.timeout(WITHIN_S):
            query = contract.InclusionQuery(str(key.uid))
            while not (await ask(self.bus, "inclusion", query, contract.Inclusion)).size:  # noqa: ASYNC110 no one tells
                await asyncio.sleep(0.05)

    async def exported(self, key: LogKey, wait_s: float = WITHIN_S) -> bytes:
        out = io.BytesIO()
        await export(self.bus, str(key.uid), out, by="an auditor", wait_s=wait_s)
        return out.getvalue()

    async def verdict(self, exported: bytes) -> Verdict:
        keys = (await ask(self.bus, "keys", contract.KeysQuery(), contract.CheckpointKeys)).keys
        return verify(exported.splitlines(keepends=True), tuple(parse_key(one.key) for one in keys))

    async def in_sql(self, key: LogKey) -> tuple[bool, int | None]:
        row = await self.owner.fetchrow("SELECT * FROM parlour.verify($1)", key.uid)
        assert row is not None
        return row["ok"], row["broken_seq"]


@pytest.fixture
async def desk(postgres: str, environment: Environment) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        settings = load(RecordSettings, environment("record") | {"PARLOUR_RECORD_CHECKPOINT_S": "0.2"})
        await stack.enter_async_context(build(settings))
        owner = await stack.enter_async_context(await create_pool(postgres, name="owner"))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("cli")), "cli"))
        yield Desk(owner, PostgresPeople(owner, settings.master_key), bus)


async def test_an_untouched_room_passes_both(desk: Desk) -> None:
    key = await desk.room()
    exported = await desk.exported(key)
    verdict = await desk.verdict(exported)
    assert (verdict.ok, verdict.events, verdict.signed, verdict.room) == (True, 8, 8, key.room)
    assert b"text 3" in exported
    assert await desk.in_sql(key) == (True, None)


async def test_after_an_erasure_both_pass_and_the_person_is_gone(desk: Desk) -> None:
    key = await desk.room(user="zoe")
    await desk.erased(key.app, "zoe")
    exported = await desk.exported(key)
    assert (await desk.verdict(exported)).ok
    assert b"text 3" not in exported
    assert b"zoe" not in exported
    assert await desk.in_sql(key) == (True, None)


@pytest.mark.parametrize(
    ("tampering", "seq"),
    [
        ("UPDATE parlour.event SET env = overlay(env placing 'x'::bytea from 200) WHERE room_uid = $1 AND seq = 4", 4),
        ("UPDATE parlour.event SET at = at + 1 WHERE room_uid = $1 AND seq = 8", 8),
        ("DELETE FROM parlour.event WHERE room_uid = $1 AND seq = 3", 3),
        ("DELETE FROM parlour.event WHERE room_uid = $1 AND seq > 5", 6),
        (
            "UPDATE parlour.event e SET env = o.env FROM parlour.event o WHERE e.room_uid = $1 AND o.room_uid = $1 "
            "AND e.seq IN (5, 6) AND o.seq = 11 - e.seq", 5,
        ),
        (
            "WITH cut AS (DELETE FROM parlour.event WHERE room_uid = $1 AND seq > 5) UPDATE parlour.log SET seq = 5, hash = "
            "(SELECT hash FROM parlour.event WHERE room_uid = $1 AND seq = 5) WHERE uid = $1", None,
        ),
        ("UPDATE parlour.event SET prev = hash WHERE room_uid = $1 AND seq = 7", 7),
    ],
    ids=["changed", "time", "removed", "truncated", "swapped", "truncated-with-its-head", "cites-another"],
)  # fmt: skip
async def test_what_a_superuser_does_is_named_by_both(desk: Desk, tampering: str, seq: int | None) -> None:
    key = await desk.room()
    await desk.signed(key)
    await desk.owner.execute(tampering, key.uid)
    verdict = await desk.verdict(await desk.exported(key, wait_s=0))
    ok, broken = await desk.in_sql(key)
    assert (verdict.ok, ok) == (False, False)
    # where the head was cut off too, each names an end of what is missing
    assert (verdict.seq, broken) == ((seq, seq) if seq else (6, 8))


async def test_who_exported_is_on_record(desk: Desk) -> None:
    key = await desk.room()
    await desk.exported(key)
    taken = (await ask(desk.bus, "exports", contract.ExportsQuery(str(key.uid)), contract.Exports)).exports
    assert [(one.by, one.room) for one in taken] == [("an auditor", key.room)]


async def test_a_long_room_comes_in_pages(desk: Desk) -> None:
    key = await desk.room(events=1300)
    verdict = await desk.verdict(await desk.exported(key))
    assert (verdict.ok, verdict.signed) == (True, 1300)


async def test_a_log_that_never_was(desk: Desk) -> None:
    with pytest.raises(Rejection, match="no such log"):
        await desk.exported(new_log())
    with pytest.raises(Rejection, match="no such log"):
        await ask(desk.bus, "stored", contract.StoredQuery("latest"), contract.StoredPage)
