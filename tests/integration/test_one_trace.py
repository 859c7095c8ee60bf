"""One login, one trace: from the gateway over NATS through the services into the record."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from parlour.testkit.client import raw_client
from parlour.testkit.suite import Suite, running_suite


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    """The whole suite, up."""
    with running_suite() as running:
        yield running


def spans_of(suite: Suite) -> list[dict[str, Any]]:
    """All spans that all services kept."""
    files = sorted((suite.state / "traces").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_a_login_is_one_trace_from_the_gateway_to_the_record(suite: Suite) -> None:
    async def enter() -> None:
        async with raw_client(suite.url) as client:
            await client.login(suite.app_id, "traced", "ada", suite.dev_token("ada", "traced"))
            await client.ask("broadcast", roomID="traced", message="hello")

    asyncio.run(enter())
    joined = next(event for event in suite.events("traced") if event["type"] == "room.user_joined.v1")
    trace_id = joined["traceID"]
    spans = [span for span in spans_of(suite) if span["context"]["trace_id"] == trace_id]
    named = {(span["service"], span["name"]): span for span in spans}
    assert {
        ("gateway", "gateway.login"),
        ("auth", "auth.verify_token"),
        ("room", "room.join"),
        ("room", "append"),
    } <= set(named)
    root = named["gateway", "gateway.login"]
    assert root["parent_id"] == ""
    assert named["room", "room.join"]["parent_id"] == root["context"]["span_id"]
    assert named["room", "append"]["parent_id"] == named["room", "room.join"]["context"]["span_id"]
    assert (
        root["start_time"]
        <= named["room", "append"]["start_time"]
        <= named["room", "append"]["end_time"]
        <= root["end_time"]
    )


def test_what_is_said_in_a_room_has_a_trace_and_leaves_no_spans(suite: Suite) -> None:
    said = [event for event in suite.events("traced") if event["type"].startswith("im.")]
    assert said and all(event["traceID"] for event in said)
    traces = {span["context"]["trace_id"] for span in spans_of(suite)}
    assert not traces & {event["traceID"] for event in said}
