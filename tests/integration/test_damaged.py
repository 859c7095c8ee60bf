"""Events that a superuser changed, or that nobody here knows: history and webhooks go past them, say so, and parlour.verify names them."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import asyncpg
import pytest

from parlour.contracts import subjects
from parlour.contracts import webhooks as ask
from parlour.kernel.log import LogKey
from parlour.record.app.webhooks.worker import READ_TRIES
from parlour.testkit.harness.history import HistoryHarness, Running, running_history
from parlour.testkit.receiver import Receiver, listening
from parlour.testkit.units import APP
from parlour.testkit.waiting import eventually

JOINED, SAID, LAST = 3, 6, 11
"""Numbers of events in a harness's call: Bob's login, what he said, the closing of the room."""
NO_ENVELOPE = "env = 'no envelope'"
OTHER_FIELDS = "env = convert_to(replace(convert_from(env, 'UTF8'), '\"sessionID\":\"sb\"', '\"sessionID\":7'), 'UTF8')"
UNKNOWN = "type = 'room.of_a_later_version.v9'"
TOO_LONG = """env = convert_to(regexp_replace(convert_from(env, 'UTF8'), '"actor":"[^"]*"',
    '"actor":"' || (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) n) || '"', 'g'), 'UTF8')"""
"""No index takes such a row of a participant."""


@pytest.fixture
async def harness(environment: Callable[[str], dict[str, str]], postgres: str) -> AsyncIterator[HistoryHarness]:
    async with running_history(environment, postgres) as made:
        yield made


@pytest.fixture
async def owner(postgres: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with listening() as made:
        yield made


async def damage(owner: asyncpg.Connection, key: LogKey, seq: int, change: str) -> None:
    await owner.execute(f"UPDATE parlour.event SET {change} WHERE room_uid = $1 AND seq = $2", key.uid, seq)


async def told(owner: asyncpg.Connection, key: LogKey) -> list[tuple[str, int]]:
    rows = await owner.fetch("SELECT reader, seq FROM parlour.damaged WHERE room_uid = $1 ORDER BY seq", key.uid)
    return [(row["reader"], row["seq"]) for row in rows]


@pytest.mark.parametrize(
    ("seq", "change", "people", "broadcasts"),
    [(SAID, NO_ENVELOPE, 2, 0), (JOINED, OTHER_FIELDS, 1, 1), (SAID, UNKNOWN, 2, 0), (JOINED, TOO_LONG, 1, 1)],
    ids=["no-envelope", "other-fields", "unknown-type", "too-long-for-its-table"],
)
async def test_history_goes_past_it_and_says_so(
    harness: HistoryHarness,
    owner: asyncpg.Connection,
    running: Running,
    seq: int,
    change: str,
    people: int,
    broadcasts: int,
) -> None:
    before, key, after = [await harness.call() for _ in range(3)]
    await damage(owner, key, seq, change)
    async with running("record", PARLOUR_RECORD_HISTORY_POLL_MS="20") as services:
        whole = [await harness.until_known(one) for one in (before, after)]
        call = await harness.until_known(key)
        page = services["record"].metrics.page()
    assert [(one.participants, one.broadcasts) for one in whole] == [(2, 1)] * 2
    assert (call.participants, call.broadcasts, call.ended_at is not None) == (people, broadcasts, True)
    assert await told(owner, key) == [("history", seq)]
    assert b'parlour_damaged_events_total{reader="history"} 1.0' in page
    row = await owner.fetchrow("SELECT * FROM parlour.verify($1)", key.uid)
    assert row is not None
    assert (row["ok"], row["broken_seq"]) == (False, seq)


@pytest.mark.parametrize("format_", ask.FORMATS)
async def test_webhooks_go_past_it_and_say_so(
    harness: HistoryHarness, owner: asyncpg.Connection, running: Running, receiver: Receiver, format_: str
) -> None:
    hooks = {"PARLOUR_RECORD_WEBHOOK_NETWORKS": "127.0.0.0/8", "PARLOUR_RECORD_WEBHOOK_FIRST_RETRY_S": "0.05"}
    async with running("record", **hooks):
        new = ask.AddWebhook(url=receiver.url("a"), audit=True, format=format_, command_id=str(uuid4()))
        hook = await harness.bus.request(subjects.command(APP, "record", "", ask.verb_of(new)), new, ask.Webhook, 10.0)
    key = await harness.call()
    await damage(owner, key, JOINED, NO_ENVELOPE)
    async with running("record", **hooks):
        await receiver.until(lambda: LAST in receiver.seqs(key, "a"))
        arrived = receiver.seqs(key, "a")
        look = ask.ListDeliveries(hook.id, failed=True)
        subject = subjects.command(APP, "record", "", ask.verb_of(look))

        async def noted() -> tuple[ask.Delivery, ...]:
            found = (await harness.bus.request(subject, look, ask.Deliveries, 10.0)).deliveries
            return found if len(found) >= READ_TRIES else ()

        failed = await eventually(noted)
    assert 2 in arrived
    assert JOINED not in arrived
    assert arrived == sorted(set(arrived))
    assert (f"webhook/{hook.id}", JOINED) in await told(owner, key)
    assert [(one.webhook_id, one.attempt) for one in failed] == [(f"{key.uid}:{JOINED}", n) for n in (3, 2, 1)]
    assert "can't be read" in failed[0].error
