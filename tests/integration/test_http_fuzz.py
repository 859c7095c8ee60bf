"""Requests that nobody of good will sends, to every endpoint of the OpenAPI document: no fault, and each refusal names the field."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from parlour.contracts.codes import Code
from parlour.gateway.wiring import openapi_document
from parlour.testkit.harness.fuzzing import LONG, examples, recorded_faults
from parlour.testkit.harness.reading import ReadingHarness, running_reading
from parlour.testkit.hostile import HostileRequest, requests

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(3600 if LONG else 240)]
EVERYTHING = ("events", "history", "moderate", "erase", "webhooks", "audit")
ROOM, USER = "tea", "ann"
LATER = {int(Code.HISTORY_BEHIND), int(Code.RELAY_UNAVAILABLE), int(Code.REQUEST_TIMEOUT)}
"""Above 500 without a fault: a position that lies ahead (`min_pos`), and media where no relay runs, as here."""
KNOWN = {
    "room": [ROOM], "roomID": [ROOM], "user": [USER], "userID": [USER], "stream_id": ["cam"], "stream": ["cam"],
    "format": ["csv", "parquet", "jsonl", "cloudevents", "text"], "types": ["room.*", "im.broadcast_sent.v1"],
    "wait": ["0", "0.01"], "limit": ["1", "50"], "app": ["4712", "4713", "9"], "kind": ["whip", "whep"], "name": ["events.json"],
    "size": ["1"], "old": ["1"], "new": ["1"], "path": ["entries/000", "0/000"], "If-Match": ["*"], "Idempotency-Key": ["a"],
    "code": ["1002013"], "url": ["https://example.com/hook"], "from": ["2026-01-01T00:00:00Z"], "to": ["2026-12-01T00:00:00Z"],
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(running: Any, environment: Any) -> AsyncIterator[tuple[ReadingHarness, list[str]]]:
    names = ("READS_PER_S", "READS_BURST", "OFFERS_PER_S", "OFFERS_BURST", "REFUSED_TOKENS_PER_APP")
    limits: dict[str, Any] = dict.fromkeys(names, "60000") | {"REFUSED_TOKENS_PER_MIN": "6000"}
    with recorded_faults() as faults:
        async with running_reading(running, environment, DEV="true", **limits) as made:
            client = await made.enter(ROOM, USER)
            await client.ask("broadcast", roomID=ROOM, message="hello")
            yield made, faults


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bearers(served: tuple[ReadingHarness, list[str]]) -> list[str]:
    """By turns: all rights, those of a member, a token that is none, and no token."""
    reading, _faults = served
    return [await reading.subscription("", *EVERYTHING), await reading.member(USER), "04x", ""]


@examples(20, 1_000)
@given(
    sent=st.lists(
        st.tuples(requests(openapi_document(), KNOWN), st.sampled_from([0, 0, 0, 0, 1, 2, 3])), min_size=1, max_size=20
    )
)
async def test_no_request_is_a_fault(
    served: tuple[ReadingHarness, list[str]], bearers: list[str], sent: list[tuple[HostileRequest, int]]
) -> None:
    """The requests of an example are sent side by side, since some wait for seconds."""
    reading, faults = served
    async with asyncio.TaskGroup() as group:
        for request, who in sent:
            group.create_task(check_answer(reading, request, bearers[who]))
    assert not faults, sent


async def check_answer(reading: ReadingHarness, request: HostileRequest, bearer: str) -> None:
    """Sends a request; fails unless its answer is in good order: below 500, and a problem names the field."""
    headers = request.headers | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    target = URL(reading.url + request.path, encoded=True)
    async with asyncio.timeout(30):
        try:
            async with reading.http.request(
                request.method, target, headers=headers, data=request.body or None, allow_redirects=False
            ) as answer:
                body = await answer.read()
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise AssertionError(f"{request} was not answered") from error
    if answer.status < 400:
        return
    assert answer.content_type == "application/problem+json", (request, answer.status, body)
    problem = json.loads(body)
    assert answer.status < 500 or problem["code"] in LATER, (request, problem)
    assert problem["status"] == answer.status
    if answer.status in {400, 412, 413, 415, 428}:
        assert problem.get("field"), (request, problem)
