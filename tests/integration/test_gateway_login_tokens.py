"""Signed login tokens at a gateway, by every way in; where the app demands them, a token04 opens none."""

import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from parlour.client import login_token
from parlour.contracts import commands as cmd
from parlour.testkit.client import Frame, Refusal
from parlour.testkit.harness.reading import APP, ReadingHarness, running_reading

OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


@pytest.fixture
async def reading(running: Any, environment: Any) -> AsyncIterator[ReadingHarness]:
    async with running_reading(running, environment) as made:
        yield made


async def _whip(reading: ReadingHarness, token: str) -> tuple[int, int]:
    """Status and code of an offer, which no relay is there to answer."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
    async with reading.http.post("/whip/s1?room=tea", data=OFFER, headers=headers) as answer:
        return answer.status, (await answer.json(content_type=None))["code"]


async def _signed(reading: ReadingHarness, room: str = "") -> str:
    body = cmd.IssueLoginToken("ann", room, 60)
    return str((await reading.operator("auth", "", body))["token"])


async def _refusal(asked: Awaitable[Frame]) -> Frame:
    """The error that a request is refused with; nothing where it is done."""
    try:
        await asked
    except Refusal as refused:
        return refused.error
    return {}


async def test_a_signed_token_opens_every_way_in(reading: ReadingHarness) -> None:
    token = await _signed(reading, room="tea")
    client = await reading.outside()
    answer = await client.login(APP, "tea", "ann", token)
    assert 0 < answer["tokenExpiresIn"] <= 60
    assert (await reading.get("tea", token))[0] == 200
    assert (await reading.get("coffee", token))[0] == 403
    assert (await _whip(reading, token))[0] not in (401, 403)
    with pytest.raises(Refusal) as caught:
        await client.login(APP, "tea", "bob", token)
    assert caught.value.code in (1102020, 1002018)


async def test_where_an_app_demands_signed_tokens_a_token04_opens_nothing(reading: ReadingHarness) -> None:
    unsigned, signed = await reading.member("ann"), await _signed(reading)
    client = await reading.outside()
    await client.login(APP, "tea", "ann", unsigned)
    assert (await reading.get("tea", unsigned))[0] == 200
    await reading.operator("auth", "", cmd.SetAppRules(login_tokens="signed"))
    stranger = await reading.outside()
    refused = await _refusal(stranger.login(APP, "tea", "ann", unsigned))
    assert refused.get("code") == 1102020
    assert "signed" in refused["message"]
    with pytest.raises(Refusal) as renewed:
        await client.ask("renewToken", roomID="tea", token=unsigned)
    assert renewed.value.code == 1102020
    status, _, problem = await reading.get("tea", unsigned)
    assert (status, problem["code"]) == (401, 1102020), "what was believed before is asked again"
    assert await _whip(reading, unsigned) == (401, 1102020)
    await client.ask("renewToken", roomID="tea", token=signed)
    assert (await reading.get("tea", signed))[0] == 200
    again = await reading.outside()
    await again.login(APP, "tea", "ann", signed)


async def test_what_the_python_client_signs_logs_in(reading: ReadingHarness) -> None:
    await reading.operator("auth", "", cmd.SetAppRules(login_tokens="signed"))
    rotated = await reading.operator("auth", "", cmd.RotateSecret(APP))
    token = login_token(APP, "ann", secret=rotated["secret"], room="tea", lifetime_s=60)
    client = await reading.outside()
    answer = await client.login(APP, "tea", "ann", token)
    assert answer["tokenExpiresIn"] <= 60
    late = login_token(APP, "ann", secret=rotated["secret"], lifetime_s=60, now_s=int(time.time()) - 3600)
    with pytest.raises(Refusal) as caught:
        await (await reading.outside()).login(APP, "tea", "ann", late)
    assert caught.value.code == 1102018
