"""A gateway in development hands tokens to pages of this machine, and to nobody whose page only reaches it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from parlour.testkit.harness.reading import APP, OTHER, ReadingHarness, running_reading

STRANGERS: dict[str, dict[str, str]] = {
    "rebound": {"host": "evil.example", "origin": "http://evil.example"},
    "rebound without origin": {"host": "evil.example"},
    "name that begins alike": {"host": "localhost.evil.example"},
    "foreign page": {"origin": "http://evil.example"},
    "page of nowhere": {"origin": "null"},
    "page of another port": {"origin": "http://localhost:1"},
    "proxied": {"x-forwarded-for": "203.0.113.7"},
    "proxied, other header": {"forwarded": "for=203.0.113.7"},
}


@pytest.fixture
async def reading(running: Any, environment: Any) -> AsyncIterator[ReadingHarness]:
    async with running_reading(running, environment, DEV="true", HOSTS="*") as made:
        yield made


async def _token(reading: ReadingHarness, headers: dict[str, str], app: int = 0) -> tuple[int, dict[str, Any]]:
    """Status and body; the body is sent as text, which a page may send to any origin."""
    body = json.dumps({"userID": "ann"} | ({"appID": app} if app else {}))
    sent = {"content-type": "text/plain"} | headers
    async with reading.http.post("/v1/dev/token", data=body, headers=sent) as answer:
        return answer.status, await answer.json(content_type=None)


async def _status(reading: ReadingHarness, headers: dict[str, str]) -> dict[str, Any]:
    async with reading.http.get("/v1/status", headers=headers) as answer:
        return await answer.json()


async def test_pages_of_this_machine_get_a_token(reading: ReadingHarness) -> None:
    port = reading.url.rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LocalHost:{port}", f"[::1]:{port}", "localhost"):
        for headers in ({"host": host}, {"host": host, "origin": f"http://{host.lower()}"}):
            status, made = await _token(reading, headers)
            assert (status, made.get("appID")) == (200, APP), headers
            assert (await _status(reading, headers))["appID"] == APP
    client = await reading.outside()
    await client.login(APP, "tea", "ann", made["token"])


async def test_others_get_none_and_learn_of_no_app(reading: ReadingHarness) -> None:
    for who, headers in STRANGERS.items():
        status, problem = await _token(reading, headers)
        assert (status, problem["code"]) == (403, 9000012), who
        told = await _status(reading, headers)
        assert (told["dev"], told["apps"], told["appID"]) == (False, [], 0), who


async def test_a_token_is_for_the_default_app_alone(reading: ReadingHarness) -> None:
    assert (await _token(reading, {}, APP))[0] == 200
    for app in (OTHER, 999, -1):
        status, problem = await _token(reading, {}, app)
        assert (status, problem["field"]) == (403, "appID")
