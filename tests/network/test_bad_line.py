"""A call over a bad line: 5 % loss, 40 ± 10 ms each way. It holds, and what holds it is in use."""

import asyncio
from pathlib import Path
from typing import Any, cast

from parlour.testkit.browser.window import Window
from parlour.testkit.network.between import between
from parlour.testkit.network.calls import call, stats
from parlour.testkit.network.line import Impairment
from parlour.testkit.suite import running_suite

BAD = Impairment(loss=0.05, delay_ms=40, jitter_ms=10)
FOR_S = 12
LONGEST_FREEZE_S = 2.0
LEAST_FPS = 8
"""Of the 15 that the demo page's camera gives."""
STALL_S = 1.0
"""An own camera that stands still for so long says that the machine did: no line can stop it."""
START_BITRATE = 300_000
"""What Chromium reports while nobody tells it what arrives."""
TRANSPORT_CC = "draft-holmer-rmcat-transport-wide-cc-extensions-01"
LONGEST_GAP = """seconds => new Promise(done => {
  const videos = [...document.querySelectorAll('video')];
  const inbound = new Set(window.__peers.flatMap(peer => peer.getReceivers().map(receiver => receiver.track.id)));
  const video = videos.find(one => one.srcObject?.getVideoTracks().some(track => inbound.has(track.id)));
  const own = videos.find(one => one !== video && one.srcObject);
  let last = performance.now(), longest = 0, ownLast = last, stalled = 0;
  const gap = () => (longest = Math.max(longest, performance.now() - last));
  const frame = () => {
    gap();
    last = performance.now();
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
  const ownFrame = () => {
    stalled = Math.max(stalled, performance.now() - ownLast);
    ownLast = performance.now();
    own.requestVideoFrameCallback(ownFrame);
  };
  own.requestVideoFrameCallback(ownFrame);
  setTimeout(() => done({longestS: gap() / 1000, stalledS: stalled / 1000}), seconds * 1000);
})"""


def video(seen: dict[str, Any], way: str) -> dict[str, Any]:
    """The page's one video stream in or out."""
    (found,) = [one for one in seen[way] if one["kind"] == "video"]
    return cast("dict[str, Any]", found)


async def watched(window: Window) -> dict[str, float]:
    """The other's picture for a while: the longest time without a new frame, the same of the own camera, frames decoded a second."""
    before = await window.decoded()
    seen = cast("dict[str, float]", await window.page.evaluate(LONGEST_GAP, FOR_S))
    after = await window.decoded()
    return {**seen, "fps": (after["frames"] - before["frames"]) / FOR_S}


async def both_watched(sides: tuple[Window, Window]) -> list[dict[str, float]]:
    """Both pictures; once more if the machine itself stood still meanwhile."""
    pictures = await asyncio.gather(*(watched(side) for side in sides))
    if any(picture["stalledS"] > STALL_S for picture in pictures):
        pictures = await asyncio.gather(*(watched(side) for side in sides))
    return pictures


def repaired(seen: dict[str, Any]) -> None:
    """What was lost both ways was asked for, and came again on the stream that is made for it."""
    inbound, outbound = video(seen, "inbound"), video(seen, "outbound")
    assert inbound["nackCount"] > 0
    assert inbound["retransmittedPacketsReceived"] > 0
    assert inbound["rtxSsrc"] != inbound["ssrc"]
    assert outbound["retransmittedPacketsSent"] > 0
    assert outbound["rtxSsrc"] != outbound["ssrc"]


def paced(seen: dict[str, Any]) -> None:
    """The publisher hears by transport-wide feedback (the relay sends no other) what the line carries."""
    answers = [sdp for sdp in seen["sdp"] if "a=recvonly" in sdp]
    assert answers
    assert all("transport-cc" in sdp and TRANSPORT_CC in sdp for sdp in answers)
    estimates = [pair.get("availableOutgoingBitrate", START_BITRATE) for pair in seen["pairs"]]
    assert any(estimate != START_BITRATE for estimate in estimates), estimates


async def test_a_call_holds_on_a_bad_line(tmp_path: Path) -> None:
    with between(seed=20261121, ipv6=False) as path:
        home = path.home.ipv4
        with running_suite(None, "--public", home, "--tls", "self", within=path.home.within) as suite:
            async with call(suite, path.away, tmp_path, "bad-line") as sides:
                path.impair(BAD)
                for side, picture in zip(sides, await both_watched(sides), strict=True):
                    assert picture["longestS"] < LONGEST_FREEZE_S, picture
                    assert picture["fps"] >= LEAST_FPS, picture
                    seen = await stats(side)
                    repaired(seen)
                    paced(seen)
                counts = path.counts()
                assert counts.to_home["lost"] > 50
                assert counts.to_away["lost"] > 50
