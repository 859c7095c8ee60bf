"""Rooms listed, users put out, rooms closed, people kept out: over HTTP and the command line, each on the record with who and why."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from parlour.contracts.codes import Code
from parlour.testkit.client import RawClient, Refusal
from parlour.testkit.suite import Suite, running_suite


@pytest.fixture(scope="module")
def suite() -> Any:
    with running_suite() as running:
        yield running


def headers(suite: Suite, *options: str) -> dict[str, str]:
    token = suite.run("token", "--subscribe", "--scope", "moderate", *options).stdout.strip()
    return {"Authorization": f"Bearer {token}"}


async def entered(suite: Suite, room: str, user: str) -> RawClient:
    client = await RawClient.open(suite.url)
    await client.login(suite.app_id, room, user, suite.dev_token(user))
    return client


async def test_a_user_is_kicked_over_http_once_with_one_key(suite: Suite) -> None:
    bob = await entered(suite, "kick-http", "bob")
    keyed = headers(suite) | {"Idempotency-Key": "one"}
    async with aiohttp.ClientSession(suite.url, headers=keyed) as http:
        listed = await (await http.get("/v1/rooms")).json()
        assert {"kick-http": 1}.items() <= {room["roomID"]: room["sessions"] for room in listed["rooms"]}.items()
        inside = await (await http.get("/v1/rooms/kick-http/users")).json()
        assert [user["userID"] for user in inside["users"]] == ["bob"]
        for _ in range(2):
            answer = await http.post("/v1/rooms/kick-http/kick", json={"userID": "bob", "reason": "spam"})
            assert (answer.status, await answer.json()) == (200, {"kicked": True})
        other = await http.post("/v1/rooms/kick-http/kick", json={"userID": "bob", "reason": "another"})
        assert other.status == 409, "the key was used for another body"
    end = await bob.wait_for(lambda frame: frame["t"] == "end")
    assert end["code"] == Code.KICKED_BY_SERVER
    (kicked,) = [event for event in suite.events("kick-http") if event["type"] == "room.user_kicked.v1"]
    assert kicked["data"]["reason"] == "spam"
    assert kicked["data"]["by"].startswith("token/")
    await bob.close()


async def test_a_banned_user_is_put_out_and_not_let_in_until_it_is_lifted(suite: Suite) -> None:
    bob = await entered(suite, "banned", "bo2")
    said = await asyncio.to_thread(suite.run, "ban", "--user", "bo2", "--for", "1h", "--reason", "rude", "--json")
    assert json.loads(said.stdout)["userID"] == "bo2"
    assert (await bob.wait_for(lambda frame: frame["t"] == "end"))["code"] == Code.KICKED_BY_SERVER
    with pytest.raises(Refusal) as refused:
        await entered(suite, "elsewhere", "bo2")
    assert refused.value.code == Code.BANNED
    bans = [json.loads(line) for line in (await asyncio.to_thread(suite.run, "bans", "--json")).stdout.splitlines()]
    assert [(ban["userID"], ban["reason"], ban["by"]) for ban in bans] == [("bo2", "rude", "operator")]
    await asyncio.to_thread(suite.run, "unban", "--user", "bo2")
    await (await entered(suite, "elsewhere", "bo2")).close()
    await bob.close()


async def test_a_banned_address_is_put_out_and_not_let_in(suite: Suite) -> None:
    carl = await entered(suite, "address", "carl")
    await asyncio.to_thread(suite.run, "ban", "--address", "127.0.0.1", "--room", "address")
    assert (await carl.wait_for(lambda frame: frame["t"] == "end"))["code"] == Code.KICKED_BY_SERVER
    with pytest.raises(Refusal) as refused:
        await entered(suite, "address", "dora")
    assert refused.value.code == Code.BANNED
    await (await entered(suite, "another", "dora")).close()
    await asyncio.to_thread(suite.run, "unban", "--address", "127.0.0.1", "--room", "address")
    await (await entered(suite, "address", "dora")).close()
    await carl.close()


async def test_a_room_is_closed_and_a_token_of_one_room_moderates_no_other(suite: Suite) -> None:
    eve = await entered(suite, "closing", "eve")
    async with aiohttp.ClientSession(suite.url, headers=headers(suite, "--room", "mine")) as http:
        assert (await http.post("/v1/rooms/closing/close", json={})).status == 403
        assert (await http.post("/v1/bans", json={"userID": "eve", "roomID": "closing"})).status == 403
        assert (await http.post("/v1/bans", data=b"\xff")).status == 400
    done = await asyncio.to_thread(suite.run, "close", "closing", "--reason", "over", "--yes", "--json")
    assert json.loads(done.stdout) == {"closed": True}
    assert (await eve.wait_for(lambda frame: frame["t"] == "end"))["code"] == Code.KICKED_BY_SERVER
    closed = suite.events("closing")[-1]
    assert (closed["type"], closed["data"]["reason"], closed["data"]["by"]) == ("room.closed.v1", "over", "operator")
    await eve.close()
