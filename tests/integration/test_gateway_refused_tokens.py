"""Guesses at tokens are slowed down and then not looked at, and nobody else is hurt by them: a gateway behind a proxy that it trusts."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from parlour.gateway.app.access import token_throttle
from parlour.testkit.client import RawClient, Refusal
from parlour.testkit.harness.reading import APP, ReadingHarness, running_reading

MOST = 4
"""Refused tokens a minute of one address in this module."""
GUESSER, HOME, ELSEWHERE = "203.0.113.7", "198.51.100.2", "2001:db8:1:2::9"
TOO_MANY = 9000004


@pytest.fixture
async def reading(running: Any, environment: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ReadingHarness]:
    monkeypatch.setattr(token_throttle, "DELAY_MOST_S", 0.2)
    monkeypatch.setattr(token_throttle, "UNKNOWN_DELAY_S", 0.2)
    most, proxy = str(MOST), "127.0.0.1"
    async with running_reading(running, environment, REFUSED_TOKENS_PER_MIN=most, TRUSTED_PROXIES=proxy) as made:
        yield made


async def _get(reading: ReadingHarness, token: str, address: str) -> aiohttp.ClientResponse:
    headers = {"authorization": f"Bearer {token}", "x-forwarded-for": address}
    async with reading.http.get("/v1/rooms/tea/events", headers=headers) as answer:
        await answer.read()
        return answer


async def _login(reading: ReadingHarness, user: str, token: str, address: str) -> RawClient:
    client = await RawClient.open(reading.url, {"x-forwarded-for": address})
    reading.clients.append(client)
    await client.login(APP, "tea", user, token)
    return client


async def _guess(reading: ReadingHarness, user: str, address: str) -> int:
    """The code that a login with a token of another secret is refused with."""
    with pytest.raises(Refusal) as caught:
        await _login(reading, user, _altered(await reading.member(user)), address)
    return caught.value.code


def _altered(token: str) -> str:
    """The token with another block in its middle, as a guesser makes one."""
    middle = len(token) // 2
    return token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]


async def _exhaust(reading: ReadingHarness, address: str) -> None:
    token = _altered(await reading.member("ann"))
    answers = await asyncio.gather(*(_get(reading, token, address) for _ in range(2 * MOST)))
    assert {answer.status for answer in answers} <= {401, 429}


async def test_an_address_that_guesses_is_not_looked_at_any_more(reading: ReadingHarness) -> None:
    await _exhaust(reading, GUESSER)
    fresh = await reading.member("bob")
    refused = await _get(reading, fresh, GUESSER)
    assert refused.status == 429, "a good token is not verified either"
    assert re.fullmatch(r"[1-9]\d{0,2}", refused.headers["retry-after"])
    assert await _guess(reading, "ann", GUESSER) == TOO_MANY
    with pytest.raises(Refusal) as caught:
        await (await RawClient.open(reading.url, {"x-forwarded-for": GUESSER})).ask(
            "subscribe", roomID="tea", token=fresh
        )
    assert caught.value.code == TOO_MANY
    assert "try again in" in caught.value.error["hint"]


async def test_addresses_of_one_ipv6_network_count_as_one(reading: ReadingHarness) -> None:
    await asyncio.gather(*(_guess(reading, "ann", f"2001:db8:7:7::{host:x}") for host in range(1, 2 * MOST)))
    assert (await _get(reading, await reading.member("bob"), "2001:db8:7:7:ffff::1")).status == 429
    assert (await _get(reading, await reading.member("bob"), "2001:db8:7:8::1")).status == 403, "bob is in no room"


async def test_who_guesses_locks_nobody_else_out(reading: ReadingHarness) -> None:
    """Neither in the victim's own network, where their token was accepted before, nor at other addresses."""
    accepted = await reading.member("ann")
    await (await _login(reading, "ann", accepted, GUESSER)).close()
    await _exhaust(reading, GUESSER)
    assert (await _get(reading, await reading.member("ann"), GUESSER)).status == 429
    await _login(reading, "ann", accepted, GUESSER)
    await _login(reading, "ann", await reading.member("ann"), HOME)
    await _login(reading, "bob", await reading.member("bob"), ELSEWHERE)


async def test_a_user_who_is_guessed_from_many_addresses_comes_in_from_anywhere(reading: ReadingHarness) -> None:
    await _login(reading, "ann", await reading.member("ann"), HOME)
    await asyncio.gather(*(_guess(reading, "ann", f"203.0.113.{host}") for host in range(1, 2 * MOST)))
    await _login(reading, "ann", await reading.member("ann"), HOME)
    await _login(reading, "ann", await reading.member("ann"), ELSEWHERE)
