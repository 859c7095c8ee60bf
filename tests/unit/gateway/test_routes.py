"""Every route table over the application as it is built, and handlers by themselves: the objects behind them are stand-ins."""

import base64
import json
import time
from typing import Any

import msgspec
import pytest

from parlour.contracts import commands as cmd
from parlour.contracts import history as h
from parlour.contracts import proofs, queries, webhooks
from parlour.contracts.codes import Code
from parlour.contracts.subjects import encode_id
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.api import history_http, proofs_http
from parlour.gateway.api.http import build_http
from parlour.gateway.api.status_http import ServerStatus
from parlour.gateway.api.web_files import WebFiles
from parlour.gateway.app.access.request_limits import RequestLimiter, RequestLimits
from parlour.gateway.app.access.token_throttle import TokenThrottle
from parlour.gateway.app.access.token_verifier import Apps, TokenVerifier
from parlour.gateway.app.call_history import CallHistory
from parlour.gateway.app.moderation import Moderation
from parlour.gateway.app.ports import GatewayCommands, History, RecordQueries
from parlour.gateway.settings import GatewaySettings
from parlour.kernel.rejection import Rejection
from parlour.runtime.clock import SystemClock, SystemIds
from parlour.runtime.telemetry.metrics import Metrics

APP = 7
SCOPES = ("history", "moderate", "erase", "audit", "webhooks", "events")
TOKEN = f"h.{base64.urlsafe_b64encode(json.dumps({'app': APP}).encode()).decode().rstrip('=')}.s"
Answer = tuple[int, dict[str, str], Any]


class Suite:
    """The services and the record: note what they are asked, and answer it."""

    def __init__(self, room: str | None = None, scopes: tuple[str, ...] = SCOPES) -> None:
        self.who = Subscription(APP, scopes, int(time.time()) + 600, "j", room)
        self.asked: list[Any] = []
        self.answers: dict[str, Any] = {}
        services: Any = self
        commands = GatewayCommands(services, SystemIds())
        throttled = Metrics("test").counter("throttled", "x", ("outcome",))
        throttle, apps = TokenThrottle(20.0, 600.0, throttled, time.monotonic), Apps(commands, APP)
        self.app = build_http({
            GatewayCommands: commands, History: self, RecordQueries: self, Apps: apps,
            TokenVerifier: TokenVerifier(commands, apps, throttle, SystemClock(), time.monotonic),
            RequestLimiter: RequestLimiter(RequestLimits(), time.monotonic), CallHistory: CallHistory(services, services),
            Moderation: Moderation(commands, services, services), WebFiles: WebFiles(), GatewaySettings: GatewaySettings(),
            ServerStatus: ServerStatus(self.services, lambda: 3, lambda: 5, 1.5),
        })  # fmt: skip

    async def services(self) -> tuple[Any, ...]:
        return ()

    async def ask(self, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        if isinstance(request.body, cmd.VerifySubscription):
            return cmd.Reply(msgspec.Raw(msgspec.json.encode(self.who)))
        self.asked.append((app, room, request.body))
        answer = self.answers[type(request.body).__name__]
        if isinstance(answer, Rejection):
            raise answer
        return cmd.Reply(msgspec.Raw(msgspec.json.encode(answer)))

    async def query(self, app: int, room: str, name: str, query: msgspec.Struct, kind: type[Any]) -> Any:
        self.asked.append((app, room, name, query))
        return self.answers[name]

    async def ask_webhooks(self, app: int, question: msgspec.Struct) -> Any:
        self.asked.append((app, question))
        return self.answers["webhooks"]

    async def snapshot(self, app: int, room: str, query: queries.SnapshotQuery) -> queries.Snapshot:
        self.asked.append((app, room, query))
        return queries.Snapshot(self.answers.get("snapshot"))

    async def http(self, method: str, path: str, body: Any = None, *, token: str = TOKEN, **headers: str) -> Answer:
        """One request to the application, and its answer with the body decoded where it is JSON."""
        sent: list[dict[str, Any]] = []
        given = {"host": "h", **({"authorization": f"Bearer {token}"} if token else {}), **headers}
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
            "scheme": "http", "http_version": "1.1", "server": ("h", 80), "client": ("192.0.2.1", 1), "root_path": "",
        }  # fmt: skip
        payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": payload, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return (
            sent[0]["status"],
            answered,
            json.loads(content) if "json" in answered.get("content-type", "") else content,
        )


async def test_a_query_of_calls_goes_to_the_record_as_it_was_asked() -> None:
    suite = Suite()
    suite.answers["calls"] = h.Calls(())
    status, headers, body = await suite.http("GET", "/v1/calls?room=tea&user=ann&from=5&limit=7")
    assert (status, body, headers["cache-control"]) == (200, json.loads(msgspec.json.encode(h.Calls(()))), "no-store")
    assert suite.asked == [(APP, "tea", "calls", h.CallsQuery("ann", 5, 0, "", 7, ""))]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "9999999"])
async def test_a_limit_out_of_range_is_refused_before_the_record_is_asked(limit: str) -> None:
    suite = Suite()
    status, _, body = await suite.http("GET", f"/v1/calls?limit={limit}")
    assert (status, body["field"], suite.asked) == (400, "limit", [])


async def test_another_room_of_a_room_token_is_as_if_it_did_not_exist() -> None:
    suite = Suite(room="tea")
    assert (await suite.http("GET", "/v1/calls?room=lobby"))[0] == 403
    assert (await suite.http("GET", f"/v1/rooms/{encode_id('lobby')}/users"))[0] == 403
    assert suite.asked == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/calls"), ("GET", "/v1/bans"), ("GET", "/v1/holds"), ("GET", "/v1/webhooks"), ("GET", "/v1/rooms/a/proof"),
     ("GET", "/v1/rooms/a/events"), ("POST", "/v1/rooms/a/kick")],
)  # fmt: skip
async def test_no_token_is_401_and_a_missing_scope_403(method: str, path: str) -> None:
    suite = Suite(scopes=("none",))
    assert (await suite.http(method, path, token=""))[0] == 401
    status, _, body = await suite.http(method, path)
    assert (status, body["code"], suite.asked) == (403, int(Code.FORBIDDEN), [])


async def test_a_hold_is_placed_in_the_name_of_the_app() -> None:
    suite = Suite()
    suite.answers["PlaceHold"] = None
    status, _, body = await suite.http("POST", "/v1/holds", {"userID": "ann", "reason": "case 7"})
    assert (status, body["userID"]) == (201, "ann")
    assert suite.asked == [(APP, "", cmd.PlaceHold("ann", "", "case 7"))]
    assert (await Suite(room="tea").http("GET", "/v1/holds"))[0] == 403


async def test_erasing_takes_the_users_encoded_id() -> None:
    suite = Suite()
    suite.answers["EraseUser"] = Rejection(Code.NOT_FOUND, "nobody")
    assert (await suite.http("DELETE", f"/v1/users/{encode_id('ann b')}"))[0] == 404
    assert suite.asked == [(APP, "", cmd.EraseUser("ann b"))]
    assert (await suite.http("DELETE", "/v1/users/ann%20b"))[2]["field"] == "user"


async def test_webhooks_are_asked_for_and_forgotten() -> None:
    suite = Suite()
    suite.answers["webhooks"] = webhooks.Webhooks(())
    assert (await suite.http("GET", "/v1/webhooks"))[2] == {"webhooks": []}
    status, _, body = await suite.http("DELETE", "/v1/webhooks/w1")
    assert (status, body) == (204, b"")
    assert suite.asked == [(APP, webhooks.ListWebhooks()), (APP, webhooks.RemoveWebhook("w1"))]


async def test_a_room_that_was_never_opened_kicks_nobody() -> None:
    suite = Suite()
    status, _, body = await suite.http("POST", "/v1/rooms/tea/kick", {"userID": "ann"})
    assert (status, body["field"]) == (404, "room")
    assert [type(asked[-1]) for asked in suite.asked] == [queries.SnapshotQuery]


async def test_leaves_of_the_tree_are_served_where_the_operator_says_so() -> None:
    suite = Suite()
    suite.answers["tile"] = proofs.Tile(b"leaf")
    status, _, body = await suite.http("GET", "/tile/entries/000", token="")
    assert (status, body["hint"]) == (404, "PARLOUR_GATEWAY_PUBLIC_ENTRIES=true")
    record: Any = suite
    answer = await proofs_http.tile("entries/000", record, GatewaySettings(public_entries=True))
    assert answer.body == b"leaf"


async def test_a_checkpoint_of_no_size_is_refused_and_a_tree_without_one_has_none() -> None:
    suite = Suite()
    suite.answers["checkpoint"] = proofs.SignedCheckpoint("")
    assert (await suite.http("GET", "/checkpoint", token=""))[0] == 404
    assert (await suite.http("GET", "/v1/checkpoints/0", token=""))[2]["field"] == "size"
    assert (await suite.http("GET", "/v1/checkpoints/consistency?old=1", token=""))[2]["field"] == "new"


async def test_status_and_development_tokens() -> None:
    suite = Suite()
    _, _, body = await suite.http("GET", "/v1/status", token="")
    assert (body["rooms"], body["connections"], body["startedAt"], body["dev"]) == (3, 5, 1500, False)
    assert (await suite.http("POST", "/v1/dev/token", {"userID": "ann"}, token=""))[0] == 404


async def test_what_is_no_route_or_no_method_of_one_says_so() -> None:
    suite = Suite()
    assert (await suite.http("GET", "/nothing"))[2]["hint"] == "/openapi.json"
    page = await suite.http("GET", "/nothing", accept="text/html")
    assert (page[0], page[1]["content-type"].partition(";")[0]) == (404, "text/html")
    status, headers, _ = await suite.http("PUT", "/v1/bans")
    assert (status, headers["allow"]) == (405, "GET, HEAD, POST")
    assert (await suite.http("GET", "/demo/video"))[0] == 404


async def test_the_description_is_of_the_application_that_serves_it() -> None:
    status, _, body = await Suite().http("GET", "/openapi.json", token="")
    assert (status, "/v1/calls" in body["paths"]) == (200, True)


async def test_a_handler_is_a_function() -> None:
    suite = Suite()
    suite.answers["call"] = h.OneCall(None)
    history: Any = CallHistory(suite, suite)  # pyright: ignore[reportArgumentType] its replay is not asked
    answer = await history_http.call("u1", suite.who, history)
    assert (answer, suite.asked) == (h.OneCall(None), [(APP, "", "call", h.CallQuery("u1", ""))])
