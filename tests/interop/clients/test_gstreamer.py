"""GStreamer publishes by WHIP; a person in Chromium sees the stream of a user who is on the record."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from demo import video_call

from parlour.testkit.browser.conditions import STREAM_ADDED, STREAM_GONE, USER_GONE
from parlour.testkit.browser.window import OpenWindow
from parlour.testkit.suite import Suite

PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("gstreamer_whip.py")
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

Publisher = asyncio.subprocess.Process
Start = Callable[..., Awaitable[Publisher]]


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
async def publishing(python: str, url: str, token: str, codec: str) -> AsyncGenerator[Publisher]:
    """The script, connected."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        python, str(SCRIPT), url, token, codec, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        await said(process, "connected")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Publisher, word: str) -> str:
    """The line that holds the word."""
    assert process.stdout and process.stderr
    async with asyncio.timeout(20):
        async for line in process.stdout:
            if word in line.decode():
                return line.decode().strip()
        raise AssertionError(f"GStreamer never said {word!r}: {(await process.stderr.read()).decode()}")


@pytest_asyncio.fixture
async def publish(gstreamer: str, suite: Suite, room: str) -> AsyncGenerator[Start]:
    """`await publish(streamID, codec)` as the user `encoder`."""
    async with AsyncExitStack() as stack:

        async def start(stream_id: str, codec: str = "VP8") -> Publisher:
            token = suite.dev_token("encoder", room)
            return await stack.enter_async_context(publishing(gstreamer, f"{suite.url}/whip/{stream_id}", token, codec))

        yield start


@pytest.mark.parametrize("codec", ["H264", "VP8"])
async def test_seen_in_chromium(suite: Suite, window: OpenWindow, publish: Start, room: str, codec: str) -> None:
    viewer = await window(video_call(suite, room, "viewer"))
    publisher = await publish("camera-1", codec)
    await viewer.until(STREAM_ADDED, what="the encoder's stream")
    await viewer.until_media(video=True, audio=True)
    added = next(call.args[2][0] for call in await viewer.calls("roomStreamUpdate") if call.args[1] == "ADD")
    assert (added["streamID"], added["user"]["userID"]) == ("camera-1", "encoder")

    assert publisher.stdin
    publisher.stdin.close()
    assert await said(publisher, "deleted") == "deleted 200"
    await viewer.until(STREAM_GONE, what="the encoder's stream to go")
    await viewer.until(USER_GONE, what="the encoder to go")
    of_stream = [event for event in suite.events(room) if event["type"].startswith("stream.")]
    assert [kind for kind in types_of(of_stream, "camera-1") if "play" not in kind] == [
        "stream.added.v1",
        "stream.removed.v1",
    ]


def types_of(events: list[dict[str, Any]], stream_id: str) -> list[str]:
    """What happened to a stream, in order."""
    return [event["type"] for event in events if event["data"].get("streamID") == stream_id]
