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


# Chromium sends one frame only of its second fake camera: the first is the one that is looked at
PREFERS_SECOND = "[window.first, window.preferred] = await camerasOf();"


@pytest.mark.parametrize("beauty", ["", "await zg.setEffectsBeauty(local, true);"], ids=["plain", "beauty"])
async def test_a_camera_is_off_when_the_page_says_so_and_the_same_one_comes_back(enter: Enter, beauty: str) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await run(ann, PREFERS_SECOND)
    await publish(ann)
    await run(ann, f"await zg.useVideoDevice(local, first); {beauty}")
    await run(bob, "await until(() => window.remote); await more();")
    assert await run(ann, "return [cameras().length, local.videoDeviceId === first]") == [1, True]
    assert await run(ann, "return [await zg.enableVideoCaptureDevice(local, false), cameras().length]") == [True, 0]
    await run(bob, "await until(() => last('remoteCameraStatusUpdate') === 'MUTE', 'MUTE');")
    assert await run(ann, "return [await zg.enableVideoCaptureDevice(local, true), cameras().length]") == [True, 1]
    assert await run(ann, "return local.videoDeviceId === first")
    await run(bob, "await until(() => last('remoteCameraStatusUpdate') === 'OPEN', 'OPEN'); await more();")
    await run(ann, "await local.startCaptureCamera({input: first}); await zg.updatePublishingStream(local, 0);")
    assert await run(ann, "return cameras().length") == 1
    await run(bob, "await more();")
    assert await run(ann, "return [await local.stopCaptureVideo(), cameras().length]") == [True, 0]


async def test_a_camera_whose_picture_is_held_back_is_freed_too(enter: Enter) -> None:
    ann = await enter("ann")
    await publish(ann)
    await run(
        ann, "zg.mutePublishStreamVideo(local, true, true); zg.stopPublishingStream('cam'); zg.destroyStream(local);"
    )
    copies = "__peers.flatMap((peer) => peer.getSenders()).filter(({track}) => track?.readyState === 'live')"
    assert await run(ann, f"return [cameras().length, {copies}.length]") == [0, 0]


async def test_a_switch_that_fails_keeps_the_device(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await publish(ann)
    await run(bob, "await until(() => window.remote); await more();")
    before = "[local.videoDeviceId, local.audioDeviceId, ...local.getTracks().map((track) => track.id)].join()"
    await run(ann, f"window.before = {before};")
    codes = "await code(zg.useVideoDevice(local, 'none')), await code(zg.useAudioDevice(local, 'none'))"
    assert await run(ann, f"return [{codes}, {before} === before, cameras().length]") == [1103048, 1103048, True, 1]
    assert await run(ann, "return local.getTracks().every((track) => track.readyState === 'live')")
    await run(bob, "await more();")


ONE_AT_A_TIME = """
const several = navigator.mediaDevices.getUserMedia;
navigator.mediaDevices.getUserMedia = async (wish) => {
  if (wish.video && cameras().length) throw new DOMException('Could not start video source', 'NotReadableError');
  if (wish.video?.deviceId?.exact === window.refused) throw new DOMException('Could not start video source', 'NotReadableError');
  return several(wish);
};"""


async def test_a_machine_that_opens_one_camera_at_a_time(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await publish(ann)
    await run(bob, "await until(() => window.remote); await more();")
    await run(ann, f"{ONE_AT_A_TIME} [window.first, window.second] = await camerasOf(); window.refused = second;")
    assert await run(ann, "return await code(zg.useVideoDevice(local, second))") == 1103065
    assert await run(ann, "return [cameras().length, local.videoDeviceId === first]") == [1, True]
    await run(bob, "await more();")
    await run(ann, "window.refused = ''; await zg.useVideoDevice(local, second);")
    assert await run(ann, "return [cameras().length, local.videoDeviceId === second]") == [1, True]
    await run(ann, "await zg.useVideoDevice(local, first);")
    await run(bob, "await more();")


async def test_beauty_goes_on_with_another_camera_and_ends_with_the_drawing_context(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await run(ann, PREFERS_SECOND)
    await publish(ann)
    await run(
        ann,
        """
        window.contexts = []; window.broken = [];
        zg.on('beautyEffectError', (stream, code) => broken.push([stream === local.stream, code]));
        const get = OffscreenCanvas.prototype.getContext;
        OffscreenCanvas.prototype.getContext = function (...given) { contexts.push(get.apply(this, given)); return contexts.at(-1); };
        await zg.setEffectsBeauty(local, true, {whitenIntensity: 100});""",
    )
    await run(ann, "await zg.useVideoDevice(local, first);")
    await run(bob, "await until(() => window.remote); await more();")
    bright = await run(bob, "await more(15); return light();")
    assert await run(ann, "return [contexts.length, cameras().length]") == [2, 1]
    await run(
        ann, "contexts.at(-1).getExtension('WEBGL_lose_context').loseContext(); await until(() => broken.length);"
    )
    assert await run(ann, "return broken") == [[True, 1103072]]
    assert await run(ann, "return local.getVideoTracks()[0] === cameras()[0]")
    await run(bob, f"await until(() => light() < {bright} - 10, 'the plain picture'); await more();")


async def test_a_picture_of_few_bits_is_begun_with_all_of_them(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    size = "{quality: 4, width: 640, height: 360, frameRate: 15}"
    await run(ann, f"window.local = await zg.createZegoStream({{camera: {{video: {size}}}, videoBitrate: 400}});")
    await run(ann, "zg.startPublishingStream('cam', local, {videoCodec: 'H264'});")
    await run(bob, "await until(() => document.querySelector('#remote video')?.videoWidth === 640, 'the whole size');")
    answers = "__peers.map((peer) => peer.remoteDescription?.sdp ?? '').join()"
    started = await run(
        ann, f"return [...{answers}.matchAll(/x-google-start-bitrate=(\\d+)/g)].map(([, kbps]) => kbps);"
    )
    assert set(started) == {"500"}


async def test_mutes_without_a_stream_answer_false(enter: Enter) -> None:
    ann = await enter("ann")
    nothing = "[undefined, null, {}, 'cam'].map((given) => zg[name](given, true))"
    script = f"return ['mutePublishStreamAudio', 'mutePublishStreamVideo'].flatMap((name) => {nothing});"
    assert await run(ann, script) == [False] * 8


async def test_beauty_that_is_put_on_while_muted_shows_the_picture_afterwards(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await publish(ann)
    await run(bob, "await until(() => window.remote); await more();")
    await run(ann, "zg.mutePublishStreamVideo(local, true); await zg.setEffectsBeauty(local, true);")
    await run(bob, "await until(() => last('remoteCameraStatusUpdate') === 'MUTE' && light() < 2, 'black');")
    await run(ann, "zg.mutePublishStreamVideo(local, false);")
    await run(bob, "await until(() => light() > 20, 'the picture');")


# devices open only once the test lets them, as while a browser asks for leave
SLOW = """
const swift = navigator.mediaDevices.getUserMedia;
window.asked = 0;
window.allowed = new Promise((allow) => (window.allow = allow));
navigator.mediaDevices.getUserMedia = async (wish) => { asked++; await allowed; return swift(wish); };"""


@pytest.mark.parametrize(
    ("opening", "end"),
    [
        ("zg.useVideoDevice(local, ids.at(-1))", "await zg.enableVideoCaptureDevice(local, false)"),
        ("zg.useVideoDevice(local, ids.at(-1))", "zg.destroyStream(local)"),
        ("local.startCaptureCamera()", "await local.stopCaptureVideo()"),
        ("local.startCaptureCamera()", "zg.destroyStream(local)"),
        ("zg.createZegoStream()", "await zg.destroyEngine()"),
    ],
    ids=["switch-off", "switch-destroy", "capture-stop", "capture-destroy", "create-destroy"],
)
async def test_a_camera_that_opens_too_late_is_freed(enter: Enter, opening: str, end: str) -> None:
    ann = await enter("ann")
    await run(ann, f"window.local = await zg.createZegoStream(); window.ids = await camerasOf(); {SLOW}")
    late = f"const late = code({opening}); await until(() => asked); {end}; allow();"
    assert await run(ann, f"{late} return [await late, cameras().length];") == [1103061, 0]


async def test_of_on_and_off_the_last_one_holds(enter: Enter) -> None:
    ann = await enter("ann")
    await run(ann, "window.local = await zg.createZegoStream();")
    turn = "zg.enableVideoCaptureDevice(local, on)"
    for order, cameras in (("[false, true, false]", 0), ("[false, true, false, true, true]", 1)):
        assert await run(ann, f"await Promise.all({order}.map((on) => {turn})); return cameras().length;") == cameras
