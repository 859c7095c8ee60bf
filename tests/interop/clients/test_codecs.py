"""H.264 where a page asks for it, and what a player gets that cannot decode it."""

import pytest

from parlour.testkit.browser.conditions import STREAM_ADDED
from parlour.testkit.browser.demo_call import join
from parlour.testkit.browser.firefox import Firefox
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.suite import Suite

PAGE = """<!DOCTYPE html><html><head><meta charset="UTF-8"><script src="/sdk/ZegoExpressWebRTC-3.12.0.js"></script></head>
<body><div id="remote-video"></div></body></html>"""

ENTER = """async ([app, room, user, token]) => {
  window.zg = new ZegoExpressEngine(app, "");
  zg.on('roomStreamUpdate', async (room, kind, list) => {
    if (kind !== 'ADD') return;
    const stream = await zg.startPlayingStream(list[0].streamID);
    zg.createRemoteStreamView(stream).play("remote-video");
  });
  return zg.loginRoom(room, token, {userID: user}, {userUpdate: true});
}"""
PUBLISH = """async () => {
  const stream = await zg.createZegoStream();
  return zg.startPublishingStream('in-h264', stream, {videoCodec: 'H264'});
}"""
CODECS = """async () => {
  const found = new Set();
  for (const peer of window.__peers) (await peer.getStats()).forEach((s, _, all) => {
    if (/bound-rtp$/.test(s.type) && s.kind === 'video' && s.codecId) found.add(all.get(s.codecId).mimeType);
  });
  return [...found];
}"""
UNDECODABLE = "calls.some(c => c.name === 'playerStateUpdate' && c.args[0].state === 'NO_PLAY' && c.args[0].errorCode === 9000008)"


async def entered(suite: Suite, window: OpenWindow, room: str, user: str) -> Window:
    """A bare page that plays what comes."""
    opened = await window(f"{suite.url}/clients/{user}.html", PAGE)
    assert await opened.page.evaluate(ENTER, [suite.app_id, room, user, suite.dev_token(user)])
    return opened


async def test_h264_between_two_chromiums(suite: Suite, window: OpenWindow, room: str) -> None:
    ann = await entered(suite, window, room, "ann")
    ben = await entered(suite, window, room, "ben")
    assert await ann.page.evaluate(PUBLISH)
    await ben.until(STREAM_ADDED)
    await ben.until_media(video=True, audio=True)
    assert await ben.page.evaluate(CODECS) == ["video/H264"]


async def test_firefox_is_told_that_it_cannot_decode(suite: Suite, window: OpenWindow, fox: Firefox, room: str) -> None:
    ann = await entered(suite, window, room, "ann")
    assert await ann.page.evaluate(PUBLISH)
    if await fox.decodes("H264"):
        pytest.skip("this Firefox decodes H.264: there is nothing that it could not play")
    await join(fox, suite, room, "fox")
    await fox.until_called(UNDECODABLE, what="an error for a stream in H.264")
