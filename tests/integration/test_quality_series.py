"""Quality from the packets to the answer: aiortc's peers, the native relay, the bus, Postgres, HTTP."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from aiortc import RTCSessionDescription

from parlour.contracts import commands as cmd
from parlour.contracts import history as h
from parlour.contracts.quality import QualityPoint, QualitySeries
from parlour.record.adapters.history import PLANNER, SERIES, PostgresSampleStore
from parlour.record.adapters.maintenance import PostgresTableMaintenance
from parlour.record.app.history.quality import SampleFilter, SampleRow
from parlour.runtime.postgres import create_pool
from parlour.testkit.harness.whip import Viewer, WhipHarness, connected, offer, publish, running_whip

pytestmark = pytest.mark.asyncio(loop_scope="module")
WITHIN_S = 30.0
DAY_US = 86_400_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(running: Any, environment: Any) -> AsyncIterator[WhipHarness]:
    key = secrets.token_hex(32)
    async with running_whip(running, environment, key, PARLOUR_RECORD_HISTORY_POLL_MS="20") as made:
        yield made


class Reader:
    """Asks over HTTP with a token for history."""

    def __init__(self, house: WhipHarness, token: str) -> None:
        self.house = house
        self.token = token

    async def get(self, path: str, kind: type[Any], **query: Any) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        async with self.house.http.get(f"/v1/calls{path}", params=query, headers=headers) as answer:
            body = await answer.read()
            assert answer.status == 200, body
            return msgspec.json.decode(body, type=kind)

    async def points(self, room_uid: str, **query: Any) -> list[QualityPoint]:
        """All of them, two at a time."""
        page: QualitySeries = await self.get(f"/{room_uid}/quality", QualitySeries, limit=2, **query)
        found = list(page.points)
        while page.next:
            page = await self.get(f"/{room_uid}/quality", QualitySeries, limit=2, cursor=page.next, **query)
            found += page.points
        return found


async def test_what_peers_send_and_receive_is_a_series_of_the_call(house: WhipHarness) -> None:
    issued = await house.operator("auth", cmd.IssueSubscription("", scopes=("history",)))
    reader = Reader(house, msgspec.json.decode(issued)["token"])
    token = await house.token("load", "measured")
    peer, _ = await publish(house, "/whip/q1", token)
    await connected(peer)
    viewer = Viewer()
    status, _, answer = await house.post("/whep/q1", await house.token("eve", "measured"), await offer(viewer.peer))
    assert status == 201, answer
    await viewer.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    points: list[QualityPoint] = []
    async with asyncio.timeout(WITHIN_S):
        (call,) = (await reader.get("", h.Calls, room="measured")).calls
        while len({(p.side, p.kind) for p in points if p.packets}) < 4:
            await asyncio.sleep(0.2)
            points = await reader.points(call.room_uid)
    assert [p.at for p in points] == sorted(p.at for p in points)
    sent = next(p for p in points if (p.side, p.kind) == ("publisher", "video") and p.packets)
    played = next(p for p in points if (p.side, p.kind) == ("player", "video") and p.packets)
    assert (sent.stream_id, sent.user_id, played.user_id) == ("q1", "load", "eve")
    assert (sent.at % h.BUCKET_US, 0 < sent.took_ms <= 12_000) == (0, True)
    assert abs(sent.at - time.time() * 1e6) < 60e6
    assert 1_000 < sent.bitrate_bps < 50_000_000
    assert (sent.loss, sent.rtt_ms) == (0.0, None)
    assert sent.jitter_ms is not None
    assert {p.user_id for p in await reader.points(call.room_uid, user="eve")} == {"eve"}
    assert {p.side for p in await reader.points(call.room_uid, user="eve")} == {"player"}
    assert await reader.points(call.room_uid, user="nobody") == []
    assert await reader.points(call.room_uid, stream="other") == []
    await viewer.close()
    await peer.close()


def row(room_uid: UUID, at: int, stream: str = "cam") -> SampleRow:
    return SampleRow(room_uid, at, 10_000, stream, "s", True, "video", "n", 1, 1, None, None, None, None, 0, 0, 0)


async def test_months_are_made_ahead_and_dropped_when_they_are_old(postgres: str) -> None:
    async with await create_pool(postgres, name="owner", max_size=1) as pool:
        samples, tables, uid = PostgresSampleStore(pool), PostgresTableMaintenance(pool), uuid4()
        now = time.time_ns() // 1000 // h.BUCKET_US * h.BUCKET_US
        await tables.make_partitions(4)
        for days in (0, 40, 80):
            await samples.add([row(uid, now + days * DAY_US)])
        assert await tables.drop_quality(now) == ("quality_" + month_before(now),)
        everything = SampleFilter(0, 2**62, (0, 0))
        assert len(await samples.series(uid, everything, 10)) == 3, "only what is over is dropped"
        assert len(await tables.drop_quality(now + 75 * DAY_US)) >= 2
        assert len(await samples.series(uid, everything, 10)) == 1
        await tables.make_partitions(1)
        await samples.add([row(uid, now)])


def month_before(now_us: int) -> str:
    year, month = time.gmtime(now_us / 1e6)[:2]
    return f"{year - (month == 1)}_{(month - 2) % 12 + 1:02}"


async def test_a_page_is_found_by_the_index_in_the_months_of_the_call(postgres: str) -> None:
    async with await create_pool(postgres, name="owner", max_size=1, planner=PLANNER) as pool:
        samples, now = PostgresSampleStore(pool), time.time_ns() // 1000 // h.BUCKET_US * h.BUCKET_US
        await PostgresTableMaintenance(pool).make_partitions(2)
        uids = [uuid4() for _ in range(20)]
        await samples.add([row(uid, now + n * h.BUCKET_US) for uid in uids for n in range(100)])
        plan = await plan_of(pool, SERIES, [uids[7], now - DAY_US, now + DAY_US, now, 0, "", None, 51])
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan
    assert len({line.split(" on ")[1].split()[0] for line in plan.splitlines() if "Scan" in line}) <= 2, plan


async def plan_of(pool: Any, question: str, arguments: list[Any]) -> str:
    async with pool.acquire() as connection:
        await connection.execute("ANALYZE history.quality")
        rows: list[asyncpg.Record] = await connection.fetch(f"EXPLAIN (COSTS OFF) {question}", *arguments)
    return "\n".join(found[0] for found in rows)


async def test_the_service_may_add_and_read_samples_and_nothing_else(environment: Any) -> None:
    connection = await asyncpg.connect(environment("record")["PARLOUR_POSTGRES_DSN"])
    try:
        for forbidden in (
            "UPDATE history.quality SET packets = 0",
            "DELETE FROM history.quality",
            "TRUNCATE history.quality",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
        await connection.fetch("SELECT FROM history.quality LIMIT 1")
    finally:
        await connection.close()
    connection = await asyncpg.connect(environment("room")["PARLOUR_POSTGRES_DSN"])
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT FROM history.quality LIMIT 1")
    finally:
        await connection.close()
