"""A harness around the registry under test: users who publish and play, and everything that is published on NATS."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from parlour.cli.supervise.checkout import ROOT
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.commands import Caller, Joined, MediaSections, Published, Reply, Request
from parlour.contracts.envelope import EventView
from parlour.contracts.live import LiveStreams
from parlour.contracts.relay import NodeReport, Report, TransportReport
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.address import Address
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.messaging.endpoint import Headers
from parlour.runtime.settings import BusSettings, load
from parlour.testkit.waiting import eventually

APP = 77
NODE = "n1"
"""One node of this name at a time: two that share it would answer for each other."""
SDP = ROOT / "tests" / "fixtures" / "sdp"
PUBLISH = (SDP / "chromium-publish.sdp").read_bytes().decode()
PLAY = (SDP / "chromium-play.sdp").read_bytes().decode()
BOTH = MediaSections("0", "1")


class User:
    """Somebody in a room."""

    def __init__(self, harness: "RegistryHarness", room: str, name: str, joined: Joined, session: str) -> None:
        self.harness = harness
        self.room = room
        self.session = session
        self.caller = Caller(name, session, joined.actor)

    async def ask(self, body: cmd.AnyCommand, service: str = "registry", command_id: str = "") -> Reply:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        return await self.harness.bus.ask(
            APP, service, self.room, verb, Request(command_id or str(uuid4()), self.caller, body)
        )

    async def publish(self, stream: str, *, command_id: str = "", **more: Any) -> Published:
        body = cmd.Publish(self.session, stream, PUBLISH, BOTH, **more)
        return msgspec.json.decode((await self.ask(body, command_id=command_id)).result, type=Published)

    async def play(self, stream: str, **more: Any) -> Published:
        reply = await self.ask(cmd.Play(self.session, stream, PLAY, BOTH, **more))
        return msgspec.json.decode(reply.result, type=Published)

    async def refused(self, body: cmd.AnyCommand) -> int:
        before = len(self.harness.heard)
        with pytest.raises(Rejection) as caught:
            await self.ask(body)
        await self.harness.bus.flush_confirmed()
        assert len(self.harness.heard) == before, "what is refused appends nothing"
        return caught.value.problem.code


class RegistryHarness:
    """Asks services and hears what they publish."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.heard: list[EventView] = []
        self._news = asyncio.Event()

    async def hear(self, to: Address, payload: bytes, headers: Headers) -> None:
        view = msgspec.json.decode(payload, type=EventView)
        if not any(known.room_uid == view.room_uid and known.seq == view.seq for known in self.heard):
            self.heard.append(view)  # a repeated command is published again; subscribers drop what they have
        self._news.set()

    async def join(self, room: str, name: str) -> User:
        session = str(uuid4())
        request = Request(str(uuid4()), Caller(name), cmd.JoinRoom(session, name, name.title()))
        reply = await self.bus.ask(APP, "room", room, "join", request)
        return User(self, room, name, msgspec.json.decode(reply.result, type=Joined), session)

    def of(self, kind: str, room: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(v.data) for v in self.heard if v.room == room and v.type == f"stream.{kind}.v1"]

    async def wait_for(self, kind: str, room: str, count: int = 1, within_s: float = 15) -> list[dict[str, Any]]:
        async with asyncio.timeout(within_s):
            while len(found := self.of(kind, room)) < count:
                self._news.clear()
                await self._news.wait()
        return found

    async def types_until_closed(self, room: str, within_s: float = 15) -> list[str]:
        """What happened in a room, in short and in order, once it is closed."""
        async with asyncio.timeout(within_s):
            while not any(view.room == room and view.type == "room.closed.v1" for view in self.heard):
                self._news.clear()
                await self._news.wait()
        events = sorted((view for view in self.heard if view.room == room), key=lambda view: view.seq)
        assert [view.seq for view in events] == list(range(1, len(events) + 1)), "nothing comes behind the close"
        return [view.type.removesuffix(".v1") for view in events]

    async def transports(self) -> dict[str, TransportReport]:
        report = await self.bus.request(subjects.relay_command(NODE, "report"), Report(), NodeReport)
        return {t.transport_id: t for t in report.transports}

    async def describe(self, room: str) -> LiveStreams:
        request = Request(str(uuid4()), Caller(kind="operator"), cmd.DescribeStreams())
        return msgspec.json.decode(
            (await self.bus.ask(APP, "registry", room, "describe", request)).result, type=LiveStreams
        )

    async def owners_of(self, stream: str) -> list[str]:
        table = (await self.transports()).values()
        return [t.owner for t in table if any(b.stream_id == stream for b in t.publishes)]

    async def relay_publishes(self) -> list[str]:
        return sorted(b.stream_id for t in (await self.transports()).values() for b in t.publishes)


@asynccontextmanager
async def running_registry(running: Any, environment: Any, **settings: str) -> AsyncGenerator[RegistryHarness]:
    variables = {"PARLOUR_RELAY_NODE": NODE, "PARLOUR_RELAY_BIND": "127.0.0.1", "PARLOUR_RELAY_HEARTBEAT_S": "0.2"}
    async with (
        running("room", "registry", "relay", **(variables | settings)),
        await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
    ):
        harness = RegistryHarness(bus)
        await bus.subscribe(subjects.ALL_EVENTS, harness.hear)
        await node_is_up(harness)
        yield harness


async def node_is_up(harness: RegistryHarness) -> None:
    """The registry places streams from the node's first heartbeat on."""
    probe = await harness.join("probe", "probe")

    async def placed() -> bool:
        with contextlib.suppress(Rejection):
            await probe.publish("probe")
            return True
        return False

    await eventually(placed)
    await probe.ask(cmd.LeaveRoom(probe.session), "room")
    await no_transports_of(harness, probe)


async def no_transports_of(harness: RegistryHarness, user: User) -> None:
    """The relay holds nothing of a session any more."""

    async def none_left() -> bool:
        return not any(t.owner == user.session for t in (await harness.transports()).values())

    await eventually(none_left)
