"""A gateway dies, and its WHIP publisher sends on: another gateway serves the resource, and who is heard by a relay stays in the room."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiortc import RTCSessionDescription

from parlour.cli.embedded.launch import free_port
from parlour.testkit.client import RawClient
from parlour.testkit.harness.whip import APP, Viewer, WhipHarness, connected, offer, publish, running_whip
from parlour.testkit.waiting import eventually

HASTY = {"PARLOUR_ROOM_PRESENCE_GRACE_S": "2", "PARLOUR_ROOM_HEARTBEAT_WINDOW_S": "3"}
KEY = secrets.token_hex(32)


@asynccontextmanager
async def gateway_process(environment: Any, ready: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A second gateway, to be killed."""
    port = free_port()
    own = {"PARLOUR_GATEWAY_PORT": str(port), "PARLOUR_GATEWAY_SESSION_KEY": KEY, "PARLOUR_READY_FILE": str(ready)}
    environ = {**os.environ, **environment("gateway"), **own, "PARLOUR_INSTANCE": "doomed"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "parlour.gateway", env=environ)
    try:
        await eventually(ready.exists, "the gateway is ready", timeout_s=60, poll_s=0.05)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def at(house: WhipHarness, url: str) -> AsyncIterator[WhipHarness]:
    """The house by its other gateway."""
    async with aiohttp.ClientSession(url) as http:
        yield WhipHarness(house.bus, url, http)


@pytest.fixture
async def house(running: Any, environment: Any) -> AsyncIterator[WhipHarness]:
    async with running_whip(running, environment, KEY, **HASTY) as made:
        yield made


async def test_the_other_gateway_serves_what_a_dead_one_made(
    house: WhipHarness, environment: Any, tmp_path: Path
) -> None:
    watcher, token = await RawClient.open(house.url), await house.token("enc", "r")
    await watcher.ask("login", appID=APP, roomID="r", token=await house.token("eve"), user={"userID": "eve"})
    async with gateway_process(environment, tmp_path / "ready") as (process, url), at(house, url) as doomed:
        peer, location = await publish(doomed, "/whip/w", token)
        await connected(peer)
        process.kill()
        await process.wait()
    # a session that nobody speaks for is suspended after two seconds of silence
    told = await until_suspended(watcher, 6.0)
    assert not [
        f for f in told if f.get("type") in ("room.user_suspended.v1", "room.user_left.v1", "stream.removed.v1")
    ]
    viewer = Viewer()
    status, played, answer = await house.post("/whep/w", token, await offer(viewer.peer))
    assert status == 201, answer
    await viewer.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    async with asyncio.timeout(20):
        await asyncio.gather(*(event.wait() for event in viewer.seen.values()))

    assert await renewed(house, location, token) == 200
    assert await house.delete(location, await house.token("mallory", "r")) == 403
    assert await house.delete(location[:-1] + ("A" if location[-1] != "A" else "B"), token) == 404
    assert await house.delete(location, token) == 200
    removed = await watcher.wait_for(lambda f: f.get("type") == "stream.removed.v1")
    assert (removed["data"]["streamID"], removed["data"]["code"]) == ("w", 1)
    assert not [f for f in watcher.frames if f.get("type") == "room.user_left.v1"], "the session still plays"
    assert await house.delete(location, token) == 404
    assert await house.delete(played, token) == 200
    await watcher.wait_for(lambda f: f.get("type") == "room.user_left.v1")
    assert await house.transports() == 0
    for each in (viewer, peer, watcher):
        await each.close()


async def test_whose_media_end_after_its_gateway_is_suspended_and_removed(
    house: WhipHarness, environment: Any, tmp_path: Path
) -> None:
    watcher, token = await RawClient.open(house.url), await house.token("enc", "gone")
    await watcher.ask("login", appID=APP, roomID="gone", token=await house.token("eve"), user={"userID": "eve"})
    async with gateway_process(environment, tmp_path / "ready") as (process, url), at(house, url) as doomed:
        peer, location = await publish(doomed, "/whip/g", token)
        await connected(peer)
        process.kill()
        await process.wait()
    await peer.close()
    await watcher.wait_for(lambda f: f.get("type") == "stream.removed.v1", timeout_s=30)
    left = await watcher.wait_for(lambda f: f.get("type") == "room.user_left.v1", timeout_s=30)
    assert (left["user"]["userID"], left["data"]["reason"]) == ("enc", "heartbeat_timeout")
    assert await house.delete(location, token) == 404
    await watcher.close()


async def until_suspended(watcher: RawClient, seconds: float) -> list[dict[str, Any]]:
    """What is told within this time."""
    with suppress(TimeoutError):
        await watcher.wait_for(lambda f: f.get("type") == "room.user_suspended.v1", timeout_s=seconds)
    return watcher.frames


async def renewed(house: WhipHarness, location: str, token: str) -> int:
    """A PATCH with new credentials."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/trickle-ice-sdpfrag", "if-match": "*"}
    body = "a=ice-ufrag:anew\r\na=ice-pwd:a-password-of-enough-letters\r\n"
    async with house.http.patch(location, data=body, headers=headers) as answer:
        return answer.status
