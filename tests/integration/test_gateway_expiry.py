"""A stay whose token is over: ended where the app says so, unless the token was renewed; kept elsewhere."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from parlour.contracts import commands as cmd
from parlour.testkit.client import Frame, RawClient, Refusal
from parlour.testkit.harness.reading import APP, OTHER, ReadingHarness, running_reading


@pytest.fixture
async def reading(running: Any, environment: Any) -> AsyncIterator[ReadingHarness]:
    async with running_reading(running, environment, services={"PARLOUR_AUTH_CLOCK_LEEWAY_S": "0"}) as made:
        yield made


async def _token(reading: ReadingHarness, user: str, seconds: int, app: int = APP) -> str:
    return str((await reading.operator("auth", "", cmd.IssueToken(user, ttl_s=seconds), app))["token"])


async def _enter(reading: ReadingHarness, user: str, seconds: int, app: int = APP) -> tuple[RawClient, str]:
    client, token = await reading.outside(), await _token(reading, user, seconds, app)
    await client.login(app, "tea", user, token)
    return client, token


def _is_end(frame: Frame) -> bool:
    return frame["t"] == "end"


async def _ending(client: RawClient) -> dict[str, Any]:
    """Code and reason of the stay's end; nothing where none comes."""
    try:
        end = await client.wait_for(_is_end, timeout_s=15)
    except TimeoutError:
        return {}
    return {name: end[name] for name in ("roomID", "code", "reason")}


async def test_a_stay_ends_with_its_token_where_the_app_says_so(reading: ReadingHarness) -> None:
    await reading.operator("auth", "", cmd.SetAppRules(expiry="end"))
    bob, _ = await _enter(reading, "bob", 4)
    cat, _ = await _enter(reading, "cat", 4, OTHER)
    ann, token = await _enter(reading, "ann", 6)
    await bob.ask("renewToken", roomID="tea", token=await _token(reading, "bob", 600))
    assert await _ending(ann) == {"roomID": "tea", "code": 1002055, "reason": "token_expired"}
    with pytest.raises(Refusal) as caught:
        await ann.login(APP, "tea", "ann", token)
    assert caught.value.code == 1102018
    for client in (bob, cat):
        await client.ask("broadcast", roomID="tea", message="still here")
        assert not any(map(_is_end, client.frames)), "their first tokens were over before ann's"
    _, _, page = await reading.get("tea", await reading.subscription("tea", "events", "audit"))
    (kicked,) = [event for event in page["events"] if event["type"] == "room.user_kicked.v1"]
    assert (kicked["data"]["reason"], kicked["data"].get("by", "")) == ("token_expired", "")
