"""Events that somebody put into the database behind a log's head: named, never read, and no hindrance to the room."""

import pytest

from parlour.kernel.log import Committed
from parlour.runtime.postgres import PostgresLog, create_pool
from parlour.testkit.harness.tampering import insert_stray
from parlour.testkit.units import append, new_log, unit


@pytest.mark.parametrize("missing", [0, 2], ids=["next-place", "later-place"])
async def test_a_stray_is_named_and_moved_out_of_the_way(postgres: str, missing: int) -> None:
    async with await create_pool(postgres, name="owner") as owner:
        log, key = PostgresLog(owner), new_log()
        await log.append((unit(append(key, 3, creates=True)),))
        await insert_stray(owner, key.uid, 4 + missing)
        row = await owner.fetchrow("SELECT * FROM parlour.verify($1)", key.uid)
        assert row is not None
        assert (row["ok"], row["broken_seq"]) == (False, 4)
        assert [record.seq for record in await log.read(key.uid, 0, 10)] == [1, 2, 3]
        (outcome,) = await log.append((unit(append(key, 4)),))
        assert isinstance(outcome, Committed)
        assert [record.seq for record in await log.read(key.uid, 0, 10)] == [1, 2, 3, 4, 5, 6, 7]
        assert await owner.fetchval("SELECT count(*) FROM parlour.stray_event WHERE room_uid = $1", key.uid) == 1
        row = await owner.fetchrow("SELECT * FROM parlour.verify_chain($1)", key.uid)
        assert row is not None
        assert row["broken_seq"] != 4
