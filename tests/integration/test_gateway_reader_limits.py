"""What the readers of one app may take of a gateway: over it they are refused, and neither members nor other apps notice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.queries import Replay, ReplayQuery
from parlour.gateway.adapters.services import BusServices
from parlour.testkit.client import Frame, RawClient, Refusal
from parlour.testkit.harness.reading import APP, OTHER, ReadingHarness, running_reading

THOUSAND = 1_000
Gateways = AsyncIterator[ReadingHarness]
ROOMS, TOKENS = 10, 10
OF_EACH_TOKEN = THOUSAND // TOKENS


@pytest.fixture
async def crowded(running: Any, environment: Any) -> Gateways:
    async with running_reading(running, environment, READERS_PER_APP=str(THOUSAND), READS_BURST_PER_APP="2000") as made:
        yield made


@pytest.fixture
async def paced(running: Any, environment: Any) -> Gateways:
    async with running_reading(running, environment, READS_BURST_PER_APP="12", READS_PER_S_PER_APP="1") as made:
        yield made


@pytest.fixture
async def few_at_once(running: Any, environment: Any) -> Gateways:
    async with running_reading(running, environment, READS_AT_ONCE_PER_APP="2") as made:
        yield made


async def refusal(client: RawClient, room: str, token: str) -> Frame:
    """The error that a subscription is refused with; nothing where it is taken."""
    try:
        await client.ask("subscribe", roomID=room, token=token)
    except Refusal as refused:
        return refused.error
    return {}


async def entered(reading: ReadingHarness, app: int, room: str, user: str) -> RawClient:
    token = str((await reading.operator("auth", "", cmd.IssueToken(user), app))["token"])
    client = await reading.outside()
    await client.login(app, room, user, token)
    return client


async def talk(client: RawClient, room: str, text: str) -> None:
    """A message of a member comes back to it as an event."""
    await client.ask("broadcast", roomID=room, message=text)
    await client.wait_for(lambda frame: frame.get("data", {}).get("text") == text)


async def follow_all(reading: ReadingHarness, token: str) -> list[RawClient]:
    """A token's hundred subscriptions: ten connections that follow ten rooms each."""
    clients = [await reading.outside() for _ in range(OF_EACH_TOKEN // ROOMS)]
    for client in clients:
        await asyncio.gather(
            *(client.ask("subscribe", timeout_s=60, roomID=f"room-{i}", token=token) for i in range(ROOMS))
        )
    return clients


async def test_a_thousand_readers_of_one_app_touch_nobody_else(crowded: ReadingHarness) -> None:
    members = [await entered(crowded, APP, f"room-{i}", f"ann-{i}") for i in range(ROOMS)]
    followers = [await follow_all(crowded, token) for token in [await crowded.subscription() for _ in range(TOKENS)]]
    late = await crowded.subscription()
    outside = await crowded.outside()
    error = await refusal(outside, "room-0", late)
    assert (error.get("code"), error.get("message"), error.get("limit")) == (
        Code.RATE_LIMITED, "too many readers of this app", str(THOUSAND),
    )  # fmt: skip
    assert error["hint"].startswith("try again in ")
    status, headers, body = await crowded.get("room-0", late, wait="5")
    assert (status, body["code"], body["limit"]) == (429, Code.RATE_LIMITED, str(THOUSAND))
    assert int(headers["retry-after"]) >= 1

    theirs = await entered(crowded, OTHER, "theirs", "bob")
    await talk(theirs, "theirs", "untouched")
    async with crowded.stream("theirs", await crowded.subscription("theirs", app=OTHER)) as stream:
        assert (await stream.until("im.broadcast_sent.v1"))[-1][1]["data"]["text"] == "untouched"
    await talk(members[0], "room-0", "ours too")
    await entered(crowded, APP, "room-0", "newcomer")
    await followers[0][0].wait_for(lambda frame: frame.get("data", {}).get("text") == "ours too")

    await followers[0][0].ask("unsubscribe", roomID="room-0")
    await outside.ask("subscribe", roomID="room-0", token=late)


async def test_the_requests_of_an_app_have_a_pace_whatever_token_they_come_with(paced: ReadingHarness) -> None:
    await entered(paced, APP, "room", "ann")
    await entered(paced, OTHER, "room", "bob")
    tokens = [await paced.subscription() for _ in range(20)]
    answers = await asyncio.gather(*(paced.get("room", token) for token in tokens))
    refused = [(headers, body) for status, headers, body in answers if status == 429]
    assert refused, [status for status, _, _ in answers]
    headers, body = refused[0]
    assert (body["code"], body["limit"]) == (Code.RATE_LIMITED, "1 a second")
    assert headers["retry-after"] == "1"
    assert (await paced.get("room", await paced.subscription(app=OTHER)))[0] == 200
    history = {"authorization": f"Bearer {await paced.subscription('', 'history')}"}
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(get_calls(paced, history)) for _ in range(20)]
    assert 429 in [call.result() for call in calls], "the history is paced as well"


async def get_calls(reading: ReadingHarness, headers: dict[str, str]) -> int:
    async with reading.http.get("/v1/calls", headers=headers) as answer:
        return answer.status


async def test_an_app_has_so_many_requests_at_work_and_no_more(
    few_at_once: ReadingHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()
    replay = BusServices.replay

    async def slow(self: BusServices, app: int, room: str, query: ReplayQuery) -> Replay:
        if app == APP and query == ReplayQuery(limit=1):  # where the room stands: what each page begins with
            begun.release()
            await go_on.wait()
        return await replay(self, app, room, query)

    await entered(few_at_once, APP, "room", "ann")
    await entered(few_at_once, OTHER, "room", "bob")
    mine, theirs = await few_at_once.subscription(), await few_at_once.subscription(app=OTHER)
    with monkeypatch.context() as patch:
        patch.setattr(BusServices, "replay", slow)
        reads = [asyncio.ensure_future(few_at_once.get("room", mine, limit=str(n))) for n in (1, 2)]
        async with asyncio.timeout(20):
            for _ in reads:
                await begun.acquire()
        status, headers, body = await few_at_once.get("room", mine)
        assert (status, body["detail"], body["limit"]) == (429, "too many requests of this app at once", "2")
        assert headers["retry-after"] == "1"
        assert (await few_at_once.get("room", theirs))[0] == 200
        go_on.set()
        assert [status for status, _, _ in await asyncio.gather(*reads)] == [200, 200]
    assert (await few_at_once.get("room", mine))[0] == 200
