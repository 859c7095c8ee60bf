"""Webhooks managed over HTTP by a token with the scope for it, and by no other."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from aiohttp import ClientSession

from parlour.cli.embedded.launch import free_port
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.receiver import Receiver, listening

APP = 4_000_001
Environment = Callable[[str], dict[str, str]]


class Api:
    """The gateway's HTTP with a token."""

    def __init__(self, session: ClientSession, bus: Bus, receiver: Receiver, base: str) -> None:
        self.session = session
        self.bus = bus
        self.receiver = receiver
        self.base = base

    async def token(self, *scopes: str, room: str = "", app: int = APP) -> str:
        body = cmd.IssueSubscription(user_id="", room=room, scopes=scopes, ttl_s=60)
        request = cmd.Request(str(uuid4()), cmd.Caller(kind="operator"), body)
        reply = await self.bus.ask(app, "auth", "", "issue_subscription", request)
        return msgspec.json.decode(reply.result, type=cmd.SubscriptionMade).token

    async def do(self, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        url = f"{self.base}/v1/webhooks{path}"
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            told = await answer.json(content_type=None) if answer.status != 204 else None
            return answer.status, told


@pytest.fixture
async def api(environment: Environment, running: Any) -> AsyncIterator[Api]:
    port = free_port()
    async with AsyncExitStack() as stack:
        variables = {
            "PARLOUR_RECORD_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "PARLOUR_GATEWAY_PORT": str(port),
            "PARLOUR_GATEWAY_HOST": "127.0.0.1",
            "PARLOUR_GATEWAY_SESSION_KEY": "00" * 32,
        }
        await stack.enter_async_context(running("auth", "record", "gateway", **variables))
        bus = await stack.enter_async_context(await Bus.connect(load(BusSettings, environment("test")), "test"))
        for app in (APP, APP + 1):
            create = cmd.Request(str(uuid4()), cmd.Caller(kind="operator"), cmd.CreateApp(app=app, name="a"))
            await bus.ask(app, "auth", "", "create_app", create)
        receiver = await stack.enter_async_context(listening())
        session = await stack.enter_async_context(ClientSession())
        yield Api(session, bus, receiver, f"http://127.0.0.1:{port}")


async def test_a_webhook_s_life_over_http(api: Api) -> None:
    token = await api.token("webhooks")
    status, made = await api.do("POST", "", token, {"url": api.receiver.url("a"), "types": ["room.*"]})
    assert status == 201
    assert made["secret"].startswith("whsec_")
    path = f"/{made['id']}"
    status, done = await api.do("POST", f"{path}/test", token)
    assert (status, done["status"]) == (200, 200)
    _, page = await api.do("GET", f"{path}/deliveries?limit=1", token)
    assert page["deliveries"][0]["webhookID"] == done["webhookID"]
    _, off = await api.do("PATCH", path, token, {"enabled": False})
    assert off["enabled"] is False
    _, rotated = await api.do("POST", f"{path}/rotate", token, {"overlapS": 60})
    assert rotated["secret"] != made["secret"]
    status, again = await api.do("POST", f"{path}/redrive", token, {"dead": True})
    assert (status, again["rooms"]) == (202, 0)
    _, listed = await api.do("GET", "", token)
    assert [one["id"] for one in listed["webhooks"]] == [made["id"]]
    assert "secret" not in listed["webhooks"][0]
    assert (await api.do("DELETE", path, token))[0] == 204
    assert (await api.do("GET", path, token))[0] == 404


async def test_a_body_that_is_no_text_is_refused(api: Api) -> None:
    headers = {"authorization": f"Bearer {await api.token('webhooks')}", "content-type": "application/json"}
    body = b'{"url": "\xff", "enabled": true, "secret": "\xff", "roomUID": "\xff"}'
    for method, path in (("POST", ""), ("POST", "/x/rotate"), ("POST", "/x/redrive"), ("PATCH", "/x")):
        url = f"{api.base}/v1/webhooks{path}"
        wrong = body if method == "POST" else b"\xff"
        async with api.session.request(method, url, data=wrong, headers=headers) as answer:
            assert answer.status == 400, path
            assert (await answer.json(content_type=None))["field"] == "body", path


async def test_nobody_else_manages_them(api: Api) -> None:
    _, made = await api.do("POST", "", await api.token("webhooks"), {"url": api.receiver.url("a")})
    refused = {
        "": 401,
        "nonsense": 401,
        await api.token("events", "audit"): 403,
        await api.token("webhooks", room="lobby"): 403,
    }
    for token, expected in refused.items():
        for method, path, body in (
            ("GET", "", None),
            ("POST", "", {"url": api.receiver.url("b")}),
            ("DELETE", f"/{made['id']}", None),
            ("POST", f"/{made['id']}/test", None),
        ):
            status, problem = await api.do(method, path, token, body)
            assert status == expected, (method, path)
            assert problem["code"]
    other = await api.token("webhooks", app=APP + 1)
    assert (await api.do("GET", f"/{made['id']}", other))[0] == 404
    assert (await api.do("GET", "", other))[1]["webhooks"] == []
    wish = {"url": api.receiver.url("b"), "audit": True}
    assert (await api.do("POST", "", await api.token("webhooks"), wish))[0] == 403
    assert (await api.do("POST", "", await api.token("webhooks", "audit"), wish))[0] == 201
    wrong: list[tuple[Any, str]] = [
        ({}, "body"),
        ({"url": 7}, "body"),
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "https://x/", "format": "xml"}, "format"),
    ]
    token = await api.token("webhooks")
    for body, field in wrong:
        status, problem = await api.do("POST", "", token, body)
        assert (status, problem["code"], problem["field"]) == (400, int(Code.PARAMETER), field)
