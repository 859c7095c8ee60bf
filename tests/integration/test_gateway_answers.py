"""What every answer over HTTP has, and what odd but anonymous requests are told: a 4xx that names the field, never a 5xx."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from parlour.contracts.codes import Code
from parlour.contracts.subjects import encode_id
from parlour.testkit.harness.reading import APP, ReadingHarness, running_reading

pytestmark = pytest.mark.asyncio(loop_scope="module")
LATIN = "é".encode("latin-1")
EVERYTHING = ("events", "history", "moderate", "erase", "webhooks", "audit")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reading(running: Any, environment: Any) -> AsyncIterator[ReadingHarness]:
    async with running_reading(running, environment, DEV="true") as made:
        yield made


async def ask(reading: ReadingHarness, method: str, path: str, token: str = "", **more: Any) -> tuple[int, Any, Any]:
    """Status, headers and the body, read where it is a problem."""
    headers = dict(more.pop("headers", {})) | ({"authorization": f"Bearer {token}"} if token else {})
    async with reading.http.request(method, path, headers=headers, allow_redirects=False, **more) as answer:
        body = await answer.read()
        return answer.status, answer.headers, json.loads(body) if "json" in answer.content_type and body else body


@pytest.mark.parametrize(
    "path", ["/healthz", "/v1/status", "/v1/calls", "/nothing", "/openapi.json", "/v1/rooms/a%00/x"]
)
async def test_an_answer_for_programs_is_no_page(reading: ReadingHarness, path: str) -> None:
    _status, headers, _body = await ask(reading, "GET", path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "strict-transport-security" not in headers, "this is plain HTTP"


async def test_a_page_runs_our_scripts_only_and_is_framed_by_nobody(reading: ReadingHarness) -> None:
    _status, headers, _body = await ask(reading, "GET", "/errors/1002013")
    allowed = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert allowed["script-src"] == allowed["style-src"] == "'self'"
    assert (allowed["default-src"], allowed["frame-ancestors"], allowed["base-uri"]) == ("'none'",) * 3
    host = reading.url.removeprefix("http://")
    assert allowed["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert {"camera=(self)", "microphone=(self)", "display-capture=(self)", "geolocation=()"} <= set(
        headers["permissions-policy"].split(", ")
    )


async def test_pages_of_other_origins_may_read_refusals_and_ask_beforehand(reading: ReadingHarness) -> None:
    status, headers, _body = await ask(reading, "OPTIONS", "/whip/cam", headers={"origin": "https://app.example"})
    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    status, headers, _body = await ask(
        reading, "POST", "/whip/cam", data=b"", headers={"content-type": "application/sdp"}
    )
    assert (status, headers["access-control-allow-origin"]) == (401, "*")


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/whip/cam", "application/sdp"),
        ("POST", "/whep/cam", "application/sdp"),
        ("PATCH", "/whip/resource/x", "application/trickle-ice-sdpfrag"),
        ("POST", "/v1/dev/token", "application/json"),
        ("POST", "/v1/holds", "application/json"),
        ("POST", "/v1/holds/release", "application/json"),
        ("POST", "/v1/webhooks", "application/json"),
        ("POST", "/v1/webhooks/x/rotate", "application/json"),
        ("POST", "/v1/bans", "application/json"),
    ],
)
async def test_a_body_that_is_not_utf_8_is_named(reading: ReadingHarness, method: str, path: str, kind: str) -> None:
    token = await reading.member("ann") if "/wh" in path[:4] else await reading.subscription("", *EVERYTHING)
    headers = {"content-type": kind, "if-match": "*"}
    for body in (LATIN, b'{"userID":"' + LATIN + b'"}'):
        status, _headers, problem = await ask(reading, method, path, token, data=body, headers=headers)
        assert (status, problem["field"]) == (400, "body"), problem


async def test_a_body_above_the_limit_is_refused_whether_announced_or_not(reading: ReadingHarness) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1024

    for body in (b"x" * 70_000, pieces()):
        status, _headers, problem = await ask(reading, "POST", "/v1/dev/token", data=body)
        assert (status, problem["code"], problem["limit"]) == (413, Code.FRAME_TOO_LARGE, "65536 bytes")


@pytest.mark.parametrize("app", ["²", "٣", "1" * 5_000, "0", "-1", "4294967296"])
async def test_what_is_no_app_is_named(reading: ReadingHarness, app: str) -> None:
    status, _headers, problem = await ask(reading, "GET", "/v1/calls", "04x", params={"app": app})
    assert (status, problem["code"]) == (400, Code.APP_ID)


@pytest.mark.parametrize("number", ["1" * 5_000, "0" * 30 + "1", "²"])
async def test_a_number_that_is_too_long_is_none(reading: ReadingHarness, number: str) -> None:
    assert (await ask(reading, "GET", f"/errors/{number}"))[0] == 404
    for field in ("old", "new"):
        query = {"old": "1", "new": "1"} | {field: number}
        status, _headers, problem = await ask(reading, "GET", "/proof/consistency", params=query)
        assert (status, problem["code"]) in ((400, Code.PARAMETER), (404, Code.NOT_FOUND)), problem


async def test_a_nul_character_is_named(reading: ReadingHarness) -> None:
    token = await reading.subscription("", *EVERYTHING)
    for path, field in (
        ("/v1/calls?room=%00", "room"),
        ("/v1/calls?x=1&user=a%00b", "user"),
        ("/v1/calls/%00", "path"),
    ):
        status, _headers, problem = await ask(reading, "GET", path, token)
        assert (status, problem["field"]) == (400, field), problem
    asked: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("/v1/webhooks", {"url": "https://example.com/\0"}, "url"),
        ("/v1/holds", {"userID": "ann", "reason": "a\0b"}, "reason"),
        ("/v1/bans", {"userID": "ann\0"}, "user"),
        ("/v1/dev/token", {"userID": "ann", "roomID": "\0"}, "room"),
    )
    for path, body, field in asked:
        status, _headers, problem = await ask(reading, "POST", path, token, json=body)
        assert status == 400, (path, problem)
        assert problem["field"].lower().startswith(field), problem
    kept = {"userID": "ann", "reason": r"the text \u0000 is no NUL"}
    assert (await ask(reading, "POST", "/v1/holds", token, json=kept))[0] == 201


async def test_head_is_get_without_a_body(reading: ReadingHarness) -> None:
    client = await reading.enter("tea", "ann")
    token = await reading.subscription("tea")
    for path in ("/healthz", "/v1/status", "/openapi.json", f"/v1/rooms/tea/events?app={APP}", "/v1/rooms/tea/state"):
        got, asked = await ask(reading, "GET", path, token), await ask(reading, "HEAD", path, token)
        assert (asked[0], asked[2]) == (got[0], b""), path
        assert asked[1]["content-type"] == got[1]["content-type"]
    async with asyncio.timeout(5):
        streamed = await ask(reading, "HEAD", "/v1/rooms/tea/events", token, headers={"accept": "text/event-stream"})
    assert (streamed[0], streamed[1]["content-type"].partition(";")[0]) == (200, "text/event-stream")
    await client.close()


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/healthz", "GET, HEAD"),
        ("DELETE", "/v1/rooms/tea/events", "GET, HEAD, OPTIONS"),
        ("PUT", "/v1/webhooks/x", "DELETE, GET, HEAD, PATCH"),
        ("GET", "/v1/dev/token", "POST"),
        ("PUT", "/whip/cam", "OPTIONS, POST"),
    ],
)
async def test_a_method_that_is_not_taken_names_those_that_are(
    reading: ReadingHarness, method: str, path: str, allow: str
) -> None:
    status, headers, problem = await ask(reading, method, path)
    assert (status, headers["allow"], problem["limit"]) == (405, allow, allow)


async def test_nothing_is_redirected_by_the_name_that_was_asked(reading: ReadingHarness) -> None:
    for path in ("/v1/calls/", "/v1/rooms/tea/events/", "/healthz/"):
        status, headers, _body = await ask(reading, "GET", path)
        assert (status, headers.get("location")) == (404, None)


async def test_a_name_that_is_longer_than_a_file_s_is_not_looked_up(reading: ReadingHarness) -> None:
    assert (await ask(reading, "GET", "/assets/" + "a" * 3_000))[0] == 404


async def test_on_loopback_a_public_name_is_refused(reading: ReadingHarness) -> None:
    port = reading.url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example"):
        assert (await ask(reading, "GET", "/healthz", headers={"host": host}))[0] == 421, host
    for host in ("localhost", f"127.0.0.1:{port}", "[::1]", "gateway", "parlour.default.svc", "laptop.local"):
        assert (await ask(reading, "GET", "/healthz", headers={"host": host}))[0] == 200, host


async def test_a_stream_from_a_foreign_place_begins_with_resync(reading: ReadingHarness) -> None:
    client = await reading.enter("tea", "bob")
    token = await reading.subscription("tea")
    position = (await reading.get("tea", token))[1]["parlour-position"]
    foreign = position[:-4] + ("0000" if not position.endswith("0000") else "1111")
    async with reading.stream("tea", token, foreign) as stream:
        name, body = await stream.next()
        assert (name, body["reason"]) == ("resync", "diverged")
        assert stream.last == body["pos"]
        await client.ask("broadcast", roomID="tea", message="hello")
        assert (await stream.until("im.broadcast_sent.v1"))[-1][1]["data"]["text"] == "hello"
    await client.close()


@pytest.mark.parametrize(
    "accept", ["text/event-stream;q=0", "application/json, text/event-stream; q=0.0", "text/event-streams"]
)
async def test_who_wants_no_stream_gets_a_page(reading: ReadingHarness, accept: str) -> None:
    token = await reading.subscription("tea")
    path = f"/v1/rooms/{encode_id('tea')}/events"
    assert (await ask(reading, "GET", path, token, headers={"accept": accept}))[1]["content-type"] == "application/json"
