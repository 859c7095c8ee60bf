"""Strangers at every endpoint that the OpenAPI document has, and with every frame: whoever is not let in gets nothing, wherever it asks.

The rows are made from the document, so a new endpoint is asked without a change here, and one that declares neither a scope nor that it
is for everybody fails. `test_who_may_is_let_in` is the other side: the same questions with a token that allows them are not refused.
"""

import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import jwt
import pytest
import pytest_asyncio

from parlour.auth.domain.subscription import key_of
from parlour.cli.embedded.launch import free_port
from parlour.contracts import commands as cmd
from parlour.contracts.commands import Caller, Request
from parlour.contracts.subjects import encode_id
from parlour.contracts.subscriptions import SCOPES
from parlour.gateway.domain import frames
from parlour.gateway.settings import GatewaySettings
from parlour.gateway.wiring import build, openapi_document
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.client import RawClient, Refusal, raw_client

APP, OTHER = 4720, 4721
ROOM, ELSEWHERE = "boardroom", "lobby"
MARK = "marked-" + secrets.token_hex(8)
"""Stands in what only the app's own readers may see."""
FRAMES = sorted(frames.TYPES - {"ping", "unsubscribe"})
"""Client frames by which something is asked for."""
NOT_IN = {401, 403}
NOT_THERE = {401, 403, 404}
DOCUMENT: dict[str, Any] = json.loads(json.dumps(openapi_document()))
OPERATIONS = [(method, path, found) for path, of in DOCUMENT["paths"].items() for method, found in of.items()]
SCOPED = [
    (method, path, scope)
    for method, path, found in OPERATIONS
    for scope in (found.get("security") or [{}])[0].get("bearer", [])
]
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Tenants:
    """Two apps, one of them with a call on the record; tokens of every kind."""

    def __init__(self, bus: Bus, http: aiohttp.ClientSession, url: str, secret: str) -> None:
        self.bus = bus
        self.url = url
        self.http = http
        self.secret = secret
        self.values = {"room": ROOM, "kind": "whip", "stream_id": "s", "resource_id": "r"}
        self.tokens: dict[str, str] = {}

    async def operator(self, service: str, room: str, body: cmd.AnyCommand, app: int = APP) -> dict[str, Any]:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        reply = await self.bus.ask(app, service, room, verb, Request(str(uuid4()), Caller(kind="operator"), body))
        return json.loads(bytes(reply.result) or b"null") or {}

    async def subscription(self, *scopes: str, room: str = "", app: int = APP) -> dict[str, Any]:
        return await self.operator("auth", "", cmd.IssueSubscription(room, scopes=scopes), app)

    def signed(self, **claims: Any) -> str:
        """As the app's own server makes one."""
        now = int(time.time())
        whole = {"app": APP, "room": "*", "scopes": list(SCOPES), "iat": now, "exp": now + 600, "jti": "own"} | claims
        return jwt.encode(whole, key_of(self.secret), "HS256")

    def fields(self, token: str) -> dict[str, Any]:
        """Whatever a client's frame may have in it."""
        place = f"{self.values['room_uid']}.1.{'0' * 16}"
        return {
            "appID": APP, "roomID": ROOM, "token": token, "user": {"userID": MARK}, "after": "", "sessionID": token or "s",
            "rooms": {ROOM: place}, "streamID": "s", "sdp": "v=0", "media": {}, "transportID": "t", "extraInfo": "x",
            "audio": True, "video": True, "key": "k", "value": "v", "message": "m", "command": "c", "toUserIDs": [],
        }  # fmt: skip

    async def ask(self, method: str, path: str, token: str, sent: bytes = b"{}") -> tuple[int, str]:
        """Status and body."""
        filled = re.sub(r"{(\w+)}", lambda found: encode_id(self.values.get(found[1], "x")), path)
        content = DOCUMENT["paths"][path][method].get("requestBody", {}).get("content", {"application/json": {}})
        headers = {"content-type": next(iter(content)), "if-match": "*"} | (
            {"authorization": f"Bearer {token}"} if token else {}
        )
        query = {"from": "1", "to": "1"} if path.endswith("/diff") else {}
        async with self.http.request(method, filled, params=query, headers=headers, data=sent) as answer:
            return answer.status, await answer.text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(running: Any, environment: Any) -> AsyncIterator[Tenants]:
    own = {"PARLOUR_GATEWAY_SESSION_KEY": secrets.token_hex(32), "PARLOUR_GATEWAY_DEFAULT_APP": str(APP)}
    own["PARLOUR_GATEWAY_REFUSED_TOKENS_PER_MIN"] = "6000"  # all strangers come from one address here
    port = free_port()
    settings = load(GatewaySettings, environment("gateway") | own | {"PARLOUR_GATEWAY_PORT": str(port)})
    async with (
        running("auth", "room", "registry", "im", "record"),
        build(settings),
        await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http,
    ):
        made = Tenants(bus, http, f"http://127.0.0.1:{port}", secrets.token_hex(16))
        await made.operator("auth", "", cmd.CreateApp(APP, "one", made.secret), app=0)
        await made.operator("auth", "", cmd.CreateApp(OTHER, "two"), app=0)
        clients = [await RawClient.open(f"http://127.0.0.1:{port}") for _ in range(2)]
        for client, user in zip(clients, (MARK, "kicked"), strict=True):
            token = str((await made.operator("auth", "", cmd.IssueToken(user)))["token"])
            await client.login(APP, ROOM, user, token)
            made.tokens[user] = token
        await made.operator("room", ROOM, cmd.KickUser("kicked"))
        revoked = await made.subscription(*SCOPES)
        await made.operator("auth", "", cmd.RevokeSubscriptions(jti=revoked["jti"]))
        made.tokens |= {
            "anonymous": "",
            "garbage": "not.a.token",
            "unsigned": jwt.encode(
                {"app": APP, "room": "*", "scopes": list(SCOPES), "exp": 2**31, "jti": "x"}, "", "none"
            ),
            "forged": jwt.encode({"app": APP, "room": "*", "scopes": list(SCOPES), "exp": 2**31, "jti": "x"}, "k" * 32),
            "expired": made.signed(exp=int(time.time()) - 1),
            "revoked": str(revoked["token"]),
            "other app": str((await made.subscription(*SCOPES, app=OTHER))["token"]),
            "other room": str((await made.subscription(*SCOPES, room=ELSEWHERE))["token"]),
            "allowed": made.signed(),
        }
        _, events = await made.ask("get", "/v1/rooms/{room}/events", made.tokens["allowed"])
        made.values["room_uid"] = json.loads(events)["events"][0]["roomUID"]
        assert MARK in events
        yield made
        for client in clients:
            await client.close()


async def test_every_endpoint_says_whom_it_is_for() -> None:
    silent = [
        f"{method} {path}"
        for method, path, found in OPERATIONS
        if not found.get("x-public") and not any((found.get("security") or [{}])[0].values())
    ]
    assert not silent, "declare bearer.needs(scope), or openapi_extra=described.PUBLIC"
    assert {scope for _, _, scope in SCOPED} <= {*SCOPES, "member"}


@pytest.mark.parametrize("who", ["anonymous", "garbage", "unsigned", "forged", "expired", "revoked"])
async def test_who_has_no_valid_token_gets_nothing(tenants: Tenants, who: str) -> None:
    let_in = {
        f"{method} {path}": answer
        for method, path, _ in SCOPED
        if (answer := await tenants.ask(method, path, tenants.tokens[who]))[0] not in NOT_IN
        and not (answer[0] == 404 and path.startswith("/{kind}/"))
    }
    assert not let_in


async def test_a_token_opens_no_more_than_its_scopes(tenants: Tenants) -> None:
    let_in: dict[str, Any] = {}
    for method, path, scope in SCOPED:
        token = tenants.signed(scopes=[other for other in SCOPES if other != scope], jti=f"{method}{path}"[:60])
        status, body = await tenants.ask(method, path, token)
        if status not in NOT_IN and scope != "member":
            let_in[f"{method} {path}"] = status, body
    assert not let_in


@pytest.mark.parametrize("who", ["other app", "other room", "kicked"])
async def test_others_see_nothing_of_it(tenants: Tenants, who: str) -> None:
    """Where the path names what is not theirs they are refused; what they may ask about themselves tells nothing of others."""
    seen: dict[str, Any] = {}
    for method, path, _ in SCOPED:
        status, body = await tenants.ask(method, path, tenants.tokens[who])
        named = {"{room}", "{room_uid}"} & set(re.findall(r"{\w+}", path))
        if (named and status not in NOT_THERE) or MARK in body or tenants.values["room_uid"] in body:
            seen[f"{method} {path}"] = status, body[:200]
    assert not seen


async def test_who_may_is_let_in(tenants: Tenants) -> None:
    """Without this the matrix could not fail: the same questions, asked by one who may, with a body that nothing acts upon."""
    refused = {
        f"{method} {path}": answer
        for method, path, scope in SCOPED
        if scope != "member"
        and (answer := await tenants.ask(method, path, tenants.tokens["allowed"], b"[]"))[0] in {*NOT_IN, 500, 503}
    }
    assert not refused


@pytest.mark.parametrize(
    "who",
    ["anonymous", "garbage", "unsigned", "forged", "expired", "revoked", "other app", "other room", "kicked"],
)
async def test_no_frame_of_a_stranger_s_gets_anything(tenants: Tenants, who: str) -> None:
    """Every frame that the protocol has, with every field that any of them takes, and this token."""
    async with raw_client(tenants.url) as stranger:
        for tag in FRAMES:
            with pytest.raises(Refusal):
                await stranger.ask(tag, **tenants.fields(tenants.tokens[who]))
        await stranger.ask("unsubscribe", roomID=ROOM)
        told = json.dumps(stranger.frames)
        assert len(stranger.frames) == len(FRAMES) + 1, "one answer each, and nothing besides"
        assert MARK not in told
        assert tenants.values["room_uid"] not in told


async def test_who_may_is_told_over_the_websocket_too(tenants: Tenants) -> None:
    async with raw_client(tenants.url) as reader:
        await reader.ask("subscribe", roomID=ROOM, token=tenants.tokens["allowed"])
        snap = await reader.wait_for(lambda frame: frame["t"] == "snap")
        assert MARK in json.dumps(snap)


async def test_everybodys_endpoints_tell_nothing_of_an_app(tenants: Tenants) -> None:
    for method, path, found in OPERATIONS:
        if found.get("x-public"):
            _, body = await tenants.ask(method, path, "")
            assert MARK not in body
            assert tenants.values["room_uid"] not in body
