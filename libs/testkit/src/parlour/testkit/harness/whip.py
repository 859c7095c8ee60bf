"""Services to speak WHIP and WHEP with, and aiortc's peers that do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack, VideoStreamTrack

from parlour.cli.embedded.launch import free_port
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.commands import Caller, Request, TokenMade
from parlour.contracts.relay import NodeReport, Report
from parlour.runtime.messaging.bus import Bus
from parlour.runtime.settings import BusSettings, load

APP = 815
NODE = "whip-node"


class WhipHarness:
    """All services, one gateway, and HTTP to it."""

    def __init__(self, bus: Bus, url: str, http: aiohttp.ClientSession) -> None:
        self.bus = bus
        self.url = url
        self.http = http

    async def operator(self, service: str, body: cmd.AnyCommand, app: int = APP) -> bytes:
        verb = str(body.__struct_config__.tag).partition(".")[2]
        request = Request(str(uuid4()), Caller(kind="operator"), body)
        return bytes((await self.bus.ask(app, service, "", verb, request)).result)

    async def token(self, user: str, room: str = "") -> str:
        return msgspec.json.decode(await self.operator("auth", cmd.IssueToken(user, room)), type=TokenMade).token

    async def post(self, path: str, token: str, sdp: str) -> tuple[int, str, str]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
        async with self.http.post(path, data=sdp, headers=headers) as answer:
            return answer.status, answer.headers.get("location", ""), await answer.text()

    async def delete(self, location: str, token: str) -> int:
        async with self.http.delete(location, headers={"authorization": f"Bearer {token}"}) as answer:
            return answer.status

    async def transports(self) -> int:
        report = await self.bus.request(subjects.relay_command(NODE, "report"), Report(), NodeReport)
        return len(report.transports)


@asynccontextmanager
async def running_whip(running: Any, environment: Any, key: str, **more: str) -> AsyncIterator[WhipHarness]:
    """All services with one gateway of this session key, in this process."""
    port = free_port()
    variables = {
        "PARLOUR_RELAY_NODE": NODE,
        "PARLOUR_RELAY_BIND": "127.0.0.1",
        "PARLOUR_RELAY_HEARTBEAT_S": "0.2",
        "PARLOUR_RELAY_CONNECT_TIMEOUT_S": "5",
        "PARLOUR_GATEWAY_SESSION_KEY": key,
        "PARLOUR_GATEWAY_PORT": str(port),
    } | more
    url = f"http://127.0.0.1:{port}"
    async with (
        running("auth", "room", "registry", "record", "relay", "gateway", **variables),
        await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
        aiohttp.ClientSession(url) as http,
    ):
        made = WhipHarness(bus, url, http)
        await made.operator("auth", cmd.CreateApp(APP, "whip"), app=0)
        yield made


async def offer(peer: RTCPeerConnection) -> str:
    await peer.setLocalDescription(await peer.createOffer())
    return peer.localDescription.sdp


def publisher() -> RTCPeerConnection:
    peer = RTCPeerConnection()
    peer.addTrack(VideoStreamTrack())
    peer.addTrack(AudioStreamTrack())
    return peer


class Viewer:
    """A peer that counts what it decodes."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection()
        self.peer.addTransceiver("video", direction="recvonly")
        self.peer.addTransceiver("audio", direction="recvonly")
        self.seen: dict[str, asyncio.Event] = {"audio": asyncio.Event(), "video": asyncio.Event()}
        self._tasks: list[asyncio.Task[None]] = []
        self.peer.on("track", self._on_track)  # pyright: ignore[reportUnknownMemberType] pyee is untyped

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._watch(track)))

    async def _watch(self, track: MediaStreamTrack) -> None:
        try:
            for _ in range(10):
                await track.recv()
        except MediaStreamError:
            return
        self.seen[track.kind].set()

    async def close(self) -> None:
        await self.peer.close()
        await asyncio.gather(*self._tasks)


async def publish(house: WhipHarness, path: str, token: str) -> tuple[RTCPeerConnection, str]:
    """Sends video and audio."""
    peer = publisher()
    sdp = await offer(peer)
    status, location, answer = await house.post(path, token, sdp)
    assert status == 201, answer
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return peer, location


async def connected(peer: RTCPeerConnection) -> None:
    """ICE and DTLS stand."""
    news = asyncio.Event()
    peer.on("connectionstatechange", news.set)  # pyright: ignore[reportUnknownMemberType] pyee is untyped
    async with asyncio.timeout(15):
        while peer.connectionState != "connected":
            news.clear()
            await news.wait()
