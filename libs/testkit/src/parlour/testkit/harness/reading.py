"""A gateway in front of real services, for tests of readers outside: tokens, members, pages, streams and subscriptions."""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp

from parlour.cli.embedded.launch import free_port
from parlour.contracts import commands as cmd
from parlour.contracts.commands import Caller, Request
from parlour.contracts.subjects import encode_id
from parlour.gateway.settings import GatewaySettings
from parlour.gateway.wiring import build
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.client import RawClient

APP, OTHER = 4712, 4713


class ReadingHarness:
    """All services, one gateway, and HTTP to it."""

    def __init__(self, bus: Bus, url: str, http: aiohttp.ClientSession) -> None:
        self.bus = bus
        self.url = url
        self.http = http
        self.clients: list[RawClient] = []

    async def operator(self, service: str, room: str, body: cmd.AnyCommand, app: int = APP) -> dict[str, Any]:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        reply = await self.bus.ask(app, service, room, verb, Request(str(uuid4()), Caller(kind="operator"), body))
        return json.loads(bytes(reply.result) or b"null") or {}

    async def subscription(self, room: str = "", *scopes: str, app: int = APP, **more: Any) -> str:
        body = cmd.IssueSubscription(room, scopes=scopes or ("events",), **more)
        return str((await self.operator("auth", "", body, app))["token"])

    async def member(self, user: str) -> str:
        return str((await self.operator("auth", "", cmd.IssueToken(user)))["token"])

    async def enter(self, room: str, user: str) -> RawClient:
        return (await self.login(room, user))[0]

    async def login(self, room: str, user: str) -> tuple[RawClient, dict[str, Any]]:
        client = await self.outside()
        return client, await client.login(APP, room, user, await self.member(user))

    async def outside(self, url: str = "") -> RawClient:
        """A connection of nobody's yet."""
        client = await RawClient.open(url or self.url)
        self.clients.append(client)
        return client

    async def get(self, room: str, token: str, what: str = "events", **query: str) -> tuple[int, dict[str, str], Any]:
        path = f"/v1/rooms/{encode_id(room)}/{what}"
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with self.http.get(path, params=query, headers=headers) as answer:
            body = await answer.read()
            read = json.loads(body) if "json" in answer.content_type and "jsonl" not in answer.content_type else body
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, read

    @asynccontextmanager
    async def stream(self, room: str, token: str, last: str = "", **query: str) -> AsyncIterator["Stream"]:
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"} | (
            {"last-event-id": last} if last else {}
        )
        async with self.http.get(f"/v1/rooms/{encode_id(room)}/events", params=query, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            yield Stream(answer)


class Stream:
    """Server-sent events, read as the standard has it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.last = ""

    async def next(self) -> tuple[str, Any]:
        """Name and data of the next message; ("", None) at the end."""
        name, body = "message", None
        async with asyncio.timeout(10):
            async for raw in self._answer.content:
                line = raw.decode().rstrip("\n")
                if not line and body is not None:
                    return name, body
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "id":
                    self.last = value
                elif field == "data":
                    body = json.loads(value)
        return "", None

    async def until(self, tag: str) -> list[tuple[str, Any]]:
        """Up to the first event of this type, or the end."""
        seen: list[tuple[str, Any]] = []
        while True:
            seen.append(await self.next())
            if seen[-1][1] is None or seen[-1][1].get("type") == tag:
                return seen


def covered(seen: list[tuple[str, Any]]) -> list[int]:
    """The numbers that messages stand for, in the order of arrival."""
    found: list[int] = []
    for name, body in seen:
        if name == "message":
            found.append(body["seq"])
        elif name == "skip":
            found.extend(range(body["from"], body["to"] + 1))
    return found


@asynccontextmanager
async def running_reading(
    running: Any, environment: Any, *, services: dict[str, str] | None = None, **limits: str
) -> AsyncGenerator[ReadingHarness]:
    """All services but the relay with these variables, one gateway with these settings of its own (`READS_BURST="20"`), and two apps."""
    own = {"PARLOUR_GATEWAY_SESSION_KEY": secrets.token_hex(32), "PARLOUR_GATEWAY_DEFAULT_APP": str(APP)}
    own |= {f"PARLOUR_GATEWAY_{name}": value for name, value in limits.items()}
    port = free_port()
    settings = load(GatewaySettings, environment("gateway") | own | {"PARLOUR_GATEWAY_PORT": str(port)})
    url = f"http://127.0.0.1:{port}"
    more = {"PARLOUR_ROOM_EMPTY_DELAY_S": "0", "PARLOUR_IM_BROADCAST_USER_PER_S": "10"} | (services or {})
    async with (
        running("auth", "room", "registry", "im", "record", **more),
        build(settings),
        await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
        aiohttp.ClientSession(url) as http,
    ):
        made = ReadingHarness(bus, url, http)
        await made.operator("auth", "", cmd.CreateApp(APP, "test"), app=0)
        await made.operator("auth", "", cmd.CreateApp(OTHER, "other"), app=0)
        yield made
        await asyncio.gather(*(client.close() for client in made.clients))
