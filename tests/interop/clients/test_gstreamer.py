"""GStreamer by WHIP and by WHEP: a person in Chromium sees its stream, and it decodes a person's; both are users on the record."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from parlour.testkit.browser.conditions import PUBLISHING, STREAM_ADDED, STREAM_GONE, USER_ADDED, USER_GONE
from parlour.testkit.browser.demo_call import video_call
from parlour.testkit.browser.window import OpenWindow
from parlour.testkit.suite import Suite

PYTHON = "/usr/bin/python3"
WHIP, WHEP = (Path(__file__).with_name(f"gstreamer_{way}.py") for way in ("whip", "whep"))
ELEMENTS = (
    "webrtcbin",
    "nicesrc",
    "dtlssrtpenc",
    "srtpenc",
    "vp8enc",
    "openh264enc",
    "opusenc",
    "rtpvp8pay",
    "videotestsrc",
    "vp8dec",
    "opusdec",
)
LOOK = f"""
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstWebRTC", "1.0"); gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC
Gst.init(None)
raise SystemExit(" ".join(name for name in {ELEMENTS!r} if not Gst.ElementFactory.find(name)) or None)
"""
PACKAGES = "python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
gstreamer1.0-plugins-bad gstreamer1.0-nice"

Client = asyncio.subprocess.Process
Start = Callable[..., Awaitable[Client]]


@pytest.fixture(scope="session")
def gstreamer() -> str:
    """The Python that has GStreamer's bindings."""
    if not Path(PYTHON).exists():
        pytest.skip(f"no {PYTHON} here")
    seen = subprocess.run([PYTHON, "-c", LOOK], capture_output=True, text=True, check=False)
    if seen.returncode:
        pytest.skip(f"GStreamer lacks {seen.stderr.strip().splitlines()[-1]}: apt-get install {PACKAGES}")
    return PYTHON


@asynccontextmanager
async def connected(python: str, script: Path, *arguments: str) -> AsyncGenerator[Client]:
    """A script whose media may flow."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        python, str(script), *arguments, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        await said(process, "connected")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Client, word: str) -> str:
    """The line that holds the word."""
    assert process.stdout and process.stderr
    async with asyncio.timeout(20):
        async for line in process.stdout:
            if word in line.decode():
                return line.decode().strip()
        raise AssertionError(f"GStreamer never said {word!r}: {(await process.stderr.read()).decode()}")


async def stopped(process: Client) -> None:
    """It is told to stop, and takes its resource away."""
    assert process.stdin
    process.stdin.close()
    assert await said(process, "deleted") == "deleted 200"


@pytest_asyncio.fixture
async def start(gstreamer: str, suite: Suite, room: str) -> AsyncGenerator[Start]:
    """`await start(script, streamID, *more)` as the user `gst`."""
    async with AsyncExitStack() as stack:

        async def one(script: Path, stream_id: str, *more: str) -> Client:
            url = f"{suite.url}/{'whip' if script == WHIP else 'whep'}/{stream_id}"
            return await stack.enter_async_context(
                connected(gstreamer, script, url, suite.dev_token("gst", room), *more)
            )

        yield one


@pytest.mark.parametrize("codec", ["H264", "VP8"])
async def test_seen_in_chromium(suite: Suite, window: OpenWindow, start: Start, room: str, codec: str) -> None:
    viewer = await window(video_call(suite, room, "viewer"))
    publisher = await start(WHIP, "camera-1", codec)
    await viewer.until(STREAM_ADDED, what="the encoder's stream")
    await viewer.until_media(video=True, audio=True)
    added = next(call.args[2][0] for call in await viewer.calls("roomStreamUpdate") if call.args[1] == "ADD")
    assert (added["streamID"], added["user"]["userID"]) == ("camera-1", "gst")

    await stopped(publisher)
    await viewer.until(STREAM_GONE, what="the encoder's stream to go")
    await viewer.until(USER_GONE, what="the encoder to go")
    assert [kind for kind in types_of(suite.events(room), "camera-1") if "play" not in kind] == [
        "stream.added.v1",
        "stream.removed.v1",
    ]


async def test_plays_what_chromium_publishes(suite: Suite, window: OpenWindow, start: Start, room: str) -> None:
    camera = await window(video_call(suite, room, "camera"))
    await camera.until(PUBLISHING, what="the camera's stream")
    stream_id = next(e["data"]["streamID"] for e in suite.events(room) if e["type"] == "stream.added.v1")
    player = await start(WHEP, stream_id)
    await camera.until(USER_ADDED, what="the player as a user")
    assert await said(player, "video 30")
    assert await said(player, "audio ")
    assert await said(player, "video ")

    await stopped(player)
    await camera.until(USER_GONE, what="the player to go")
    played = [kind for kind in types_of(suite.events(room), stream_id) if "play" in kind]
    assert played == ["stream.play_started.v1", "stream.play_stopped.v1"]


def types_of(events: list[dict[str, Any]], stream_id: str) -> list[str]:
    """What happened to a stream, in order."""
    return [e["type"] for e in events if e["type"].startswith("stream.") and e["data"].get("streamID") == stream_id]
