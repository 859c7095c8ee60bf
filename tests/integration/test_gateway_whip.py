"""WHIP and WHEP through all services and the native relay, by aiortc's client: media flows, and each end leaves nothing behind."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack, VideoStreamTrack

from parlour.cli.embedded import free_port
from parlour.contracts import commands as cmd
from parlour.contracts import subjects
from parlour.contracts.commands import Caller, Request, TokenMade
from parlour.contracts.relay import NodeReport, Report
from parlour.runtime.life.settings import BusSettings, load
from parlour.runtime.messaging.bus import Bus
from parlour.testkit.client import RawClient

APP = 815
NODE = "whip-node"
pytestmark = pytest.mark.asyncio(loop_scope="module")


class House:
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(running: Any, environment: Any) -> AsyncIterator[House]:
    port = free_port()
    variables = {
        "PARLOUR_RELAY_NODE": NODE,
        "PARLOUR_RELAY_BIND": "127.0.0.1",
        "PARLOUR_RELAY_HEARTBEAT_S": "0.2",
        "PARLOUR_RELAY_CONNECT_TIMEOUT_S": "5",
        "PARLOUR_GATEWAY_SESSION_KEY": secrets.token_hex(32),
        "PARLOUR_GATEWAY_PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}"
    async with (
        running("auth", "room", "registry", "record", "relay", "gateway", **variables),
        await Bus.connect(load(BusSettings, environment("test")), "test") as bus,
        aiohttp.ClientSession(url) as http,
    ):
        made = House(bus, url, http)
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


async def publish(house: House, path: str, token: str) -> tuple[RTCPeerConnection, str]:
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


async def test_one_publishes_two_play_and_nothing_is_left_behind(house: House) -> None:
    token = await house.token("load", "whip")
    watcher = await RawClient.open(house.url)
    user = {"userID": "eve", "userName": "Eve"}
    await watcher.ask("login", appID=APP, roomID="whip", token=await house.token("eve"), user=user)
    peer, published = await publish(house, "/whip/w1", token)
    viewers = [Viewer(), Viewer()]
    locations: list[str] = []
    for viewer in viewers:
        status, location, answer = await house.post("/whep/w1", token, await offer(viewer.peer))
        assert status == 201, answer
        locations.append(location)
        await viewer.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    async with asyncio.timeout(20):
        for viewer in viewers:
            await asyncio.gather(*(event.wait() for event in viewer.seen.values()))
    added = await watcher.wait_for(lambda f: f.get("type") == "stream.added.v1")
    assert (added["user"]["userID"], added["data"]["streamID"]) == ("load", "w1")

    assert await house.delete(locations[0], await house.token("mallory", "whip")) == 403
    assert await house.delete(locations[0], token) == 200
    assert await house.delete(locations[0], token) == 404
    assert not [f for f in watcher.frames if f.get("type") == "room.user_left.v1"], "the session has resources left"
    assert await house.delete(published, token) == 200
    removed = await watcher.wait_for(lambda f: f.get("type") == "stream.removed.v1")
    assert removed["data"]["code"] == 1
    assert await house.delete(locations[1], token) == 200
    await watcher.wait_for(lambda f: f.get("type") == "room.user_left.v1")
    assert await house.transports() == 0
    for viewer in viewers:
        await viewer.close()
    await peer.close()
    await watcher.close()


async def test_a_peer_that_goes_away_ends_its_resource(house: House) -> None:
    watcher = await RawClient.open(house.url)
    user = {"userID": "eve2", "userName": "Eve"}
    await watcher.ask("login", appID=APP, roomID="away", token=await house.token("eve2"), user=user)
    peer, location = await publish(house, "/whip/w2", await house.token("gone", "away"))
    await connected(peer)
    await peer.close()
    await watcher.wait_for(lambda f: f.get("type") == "room.user_left.v1", timeout_s=20)
    assert await house.delete(location, await house.token("gone", "away")) == 404
    await watcher.close()


async def test_patch_trickles_and_restarts_ice(house: House) -> None:
    token, peer = await house.token("pat", "patched"), publisher()
    sdp = await offer(peer)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
    async with house.http.post("/whip/p1", data=sdp, headers=headers) as made:
        assert made.status == 201
        location, tag = made.headers["location"], made.headers["etag"]
    own = "".join(f"{line}\r\n" for line in sdp.splitlines() if line.startswith("a=ice-"))

    async def patch(body: str, match: str) -> tuple[int, str, str]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/trickle-ice-sdpfrag"}
        headers |= {"if-match": match} if match else {}
        async with house.http.patch(location, data=body, headers=headers) as answer:
            return answer.status, answer.headers.get("etag", ""), await answer.text()

    assert (await patch(own, ""))[0] == 428
    assert (await patch(own, '"stale"'))[0] == 412
    assert (await patch(own, tag))[0] == 204
    assert (await patch("a=ice-ufrag:only\r\n", "*"))[0] == 400
    status, fresh, fragment = await patch("a=ice-ufrag:anew\r\na=ice-pwd:a-password-of-enough-letters\r\n", "*")
    assert (status, fresh != tag) == (200, True)
    assert "a=ice-ufrag:" in fragment and "a=ice-pwd:" in fragment and "a=candidate:" in fragment
    assert (await patch(own, tag))[0] == 412
    assert await house.delete(location, token) == 200
    await peer.close()


async def test_what_is_refused(house: House) -> None:
    token, peer = await house.token("ref", "refused"), publisher()
    sdp = await offer(peer)
    await peer.close()
    assert (await house.post("/whip/a%20b", token, sdp))[0] == 400
    assert (await house.post("/whep/nothing", token, sdp))[0] == 404
    assert (await house.post("/whip/x", token, "junk"))[0] == 400
    assert (await house.post("/whip/x", "04junk", sdp))[0] == 401
    assert (await house.post("/whip/x?app=abc", token, sdp))[0] == 400
    assert (await house.post("/whip/x", await house.token("roomless"), sdp))[0] == 400
    assert (await house.post("/whip/x?room=refused", await house.token("roomless"), "v=0"))[0] == 400
    async with house.http.patch("/whip/resource/x") as patched:
        assert patched.status == 415
    async with house.http.options("/whip/x") as preflight:
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == "*"
    async with house.http.post("/whip/x", data=sdp, headers={"authorization": f"Bearer {token}"}) as untyped:
        assert untyped.status == 415
    assert await house.transports() == 0


async def test_a_client_is_told_that_its_transport_never_came_up(house: House) -> None:
    client, peer = await RawClient.open(house.url), publisher()
    sdp = await offer(peer)
    await peer.close()
    await client.ask("login", appID=APP, roomID="lost", token=await house.token("ann"), user={"userID": "ann"})
    media = {"audioMid": "1", "videoMid": "0"}
    made = await client.ask("publish", roomID="lost", streamID="never", sdp=sdp, media=media)
    gone = await client.wait_for(lambda f: f["t"] == "media", timeout_s=20)
    assert gone == {
        "t": "media", "roomID": "lost", "streamID": "never", "transportID": made["transportID"], "state": "gone",
    }  # fmt: skip
    await client.close()
