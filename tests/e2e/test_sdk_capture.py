"""What a page does to its camera and microphone during a call: seen at another page, and at the devices themselves."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from parlour.testkit.browser.conditions import PLAYING, PUBLISHING
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.suite import Suite

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>capture</title>
<script src="/sdk/ZegoExpressWebRTC-3.12.0.js"></script><div id="remote"></div><script>
window.captured = [];  // every track that a device gave
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => {
  // the camera that this browser takes by itself, where a test says so
  if (window.preferred && wish.video && !wish.video.deviceId) wish = {...wish, video: {...wish.video, deviceId: {exact: preferred}}};
  const stream = await ask(wish);
  captured.push(...stream.getTracks());
  return stream;
};
const cameras = () => captured.filter((track) => track.kind === 'video' && track.readyState === 'live');
const until = async (holds, what) => {
  const end = performance.now() + 20000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what ?? holds}`);
    await new Promise((next) => setTimeout(next, 30));
  }
};
const code = async (promise) => { try { await promise; return 0; } catch (error) { return error.errorCode; } };
const frames = () => document.querySelector('#remote video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0;
const more = async (count = 5) => { const from = frames(); await until(() => frames() >= from + count, 'more frames'); };
const light = () => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 24});
  const pen = canvas.getContext('2d');
  pen.drawImage(document.querySelector('#remote video'), 0, 0, 32, 24);
  return pen.getImageData(0, 0, 32, 24).data.reduce((sum, value, at) => sum + (at % 4 === 3 ? 0 : value), 0) / (32 * 24 * 3);
};
const camerasOf = async () => (await zg.getCameras()).map(({deviceID}) => deviceID);
const last = (name) => __calls.filter((call) => call.name === name).at(-1)?.args[1];
</script>"""

Enter = Callable[[str], Awaitable[Window]]

PLAY = """zg.on('roomStreamUpdate', async (_, update, list) => {
  if (update !== 'ADD') return;
  window.remote = await zg.startPlayingStream(list[0].streamID);
  zg.createRemoteStreamView(remote).play('remote');
});"""


@pytest.fixture
def enter(suite: Suite, window: OpenWindow, room: str) -> Enter:
    """A bare page, logged in to the test's room as the given user, which plays what comes."""

    async def entered(user: str) -> Window:
        page = await window(f"{suite.url}/bare", PAGE)
        await page.page.evaluate(
            f"async ([appID, roomID, userID, token]) => {{ window.zg = new ZegoExpressEngine(appID, ''); {PLAY}"
            " await zg.loginRoom(roomID, token, {userID}, {userUpdate: true}); }",
            [suite.app_id, room, user, suite.dev_token(user)],
        )
        return page

    return entered


async def run(page: Window, script: str) -> Any:
    """The value of an async function's body in the page."""
    return await page.page.evaluate(f"async () => {{ {script} }}")


async def publish(ann: Window, options: str = "") -> None:
    """ann publishes `cam`."""
    await run(ann, f"window.local = await zg.createZegoStream({options}); zg.startPublishingStream('cam', local);")
    await ann.until(PUBLISHING)


VOICE = "{camera: {audio: true, video: false}}"


@pytest.mark.parametrize(
    "gain",
    [
        "await local.startCaptureCamera(); await zg.updatePublishingStream(local, 0);",
        "const [track] = (await ask({video: true})).getVideoTracks(); await zg.addTrack(local.stream, track);",
    ],
    ids=["startCaptureCamera", "addTrack"],
)
async def test_a_voice_call_becomes_a_video_call_and_a_voice_call_again(enter: Enter, gain: str) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await publish(ann, VOICE)
    await bob.until(PLAYING)
    assert await run(bob, "return remote.getVideoTracks().length") == 0
    await run(ann, gain)
    await run(bob, "await until(() => remote.getVideoTracks().length === 1, 'a picture'); await more();")
    await run(bob, "await until(() => last('remoteCameraStatusUpdate') === 'OPEN', 'OPEN');")
    await run(ann, "await local.stopCaptureVideo(); await zg.updatePublishingStream(local, 0);")
    await run(bob, "await until(() => last('remoteCameraStatusUpdate') === 'MUTE', 'MUTE');")
    await run(ann, "await local.startCaptureCamera(); await zg.updatePublishingStream(local, 0);")
    await run(bob, "await until(() => last('remoteCameraStatusUpdate') === 'OPEN', 'OPEN'); await more();")
    assert await run(bob, "return __calls.filter((c) => c.name === 'roomStreamUpdate').length") == 1


async def test_a_picture_alone_gets_a_voice(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await publish(ann, "{camera: {audio: false, video: true}}")
    await run(bob, "await until(() => window.remote); await more();")
    await run(ann, "await local.startCaptureMicrophone(); await zg.updatePublishingStream(local, 1);")
    await run(bob, "await until(() => remote.getAudioTracks().length === 1, 'a voice');")
    await bob.until_media(video=True, audio=True)
