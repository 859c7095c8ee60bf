"""The web SDK's own promises, where only a real browser and a real relay can keep them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import ConsoleMessage, Route

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.conditions import PUBLISHING, called
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.suite import Suite

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>sdk</title>
<script src="/sdk/ZegoExpressWebRTC-3.12.0.js"></script>
<div id="local"></div><div id="remote" style="width:320px;height:240px"></div>
<script>
const until = async (holds, what) => {
  const end = performance.now() + 20000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what ?? holds}`);
    await new Promise((next) => setTimeout(next, 30));
  }
};
const frames = () => document.querySelector('#remote video').getVideoPlaybackQuality().totalVideoFrames;
const more = async (count = 5) => { const from = frames(); await until(() => frames() >= from + count, 'more frames'); };
const shape = () => document.querySelector('#remote video').videoWidth / document.querySelector('#remote video').videoHeight;
const light = () => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 24});
  const pen = canvas.getContext('2d');
  pen.drawImage(document.querySelector('#remote video'), 0, 0, 32, 24);
  return pen.getImageData(0, 0, 32, 24).data.reduce((sum, value, at) => sum + (at % 4 === 3 ? 0 : value), 0) / (32 * 24 * 3);
};
const stands = async () => { const from = frames(); await new Promise((next) => setTimeout(next, 400)); return frames() === from; };
const enter = async (appID, roomID, userID, token) => {
  window.zg = new ZegoExpressEngine(appID, '');
  zg.setDebugVerbose(false);
  window.added = [];
  zg.on('roomStreamUpdate', (_, update, list) => { if (update === 'ADD') added.push(...list.map((one) => one.streamID)); });
  return zg.loginRoom(roomID, token, {userID, userName: userID}, {userUpdate: true});
};
const show = async (streamID, options) => {
  window.view = zg.createRemoteStreamView(await zg.startPlayingStream(streamID));
  return view.play('remote', options);
};
const painted = (width, height, rate = 15) => {
  const canvas = Object.assign(document.createElement('canvas'), {width, height});
  const pen = canvas.getContext('2d');
  setInterval(() => { pen.fillStyle = `hsl(${performance.now() / 10 % 360} 80% 50%)`; pen.fillRect(0, 0, width, height); }, 1000 / rate);
  return canvas.captureStream(rate).getVideoTracks()[0];
};
</script>"""

SHOW_BLOCKED = """async () => {
  await until(() => added.length);
  window.view = zg.createRemoteStreamView(await zg.startPlayingStream(added[0]));
  view.on('autoplayFailed', (...details) => console.log('blocked', details.length));
  view.play('remote');
}"""

Enter = Callable[[str], Awaitable[Window]]


@pytest.fixture
def enter(suite: Suite, window: OpenWindow, room: str) -> Enter:
    """A bare page, logged in to the test's room as the given user."""

    async def entered(user: str) -> Window:
        return await logged_in(await window(f"{suite.url}/bare", PAGE), suite, room, f"{user}-{room}")

    return entered


async def logged_in(page: Window, suite: Suite, room: str, user: str) -> Window:
    """The page's engine in the room."""
    await page.page.evaluate(
        f"enter({suite.app_id}, {json.dumps(room)}, {json.dumps(user)}, {json.dumps(suite.dev_token(user))})"
    )
    return page


async def run(page: Window, script: str) -> Any:
    """The value of an async function's body in the page."""
    return await page.page.evaluate(f"async () => {{ {script} }}")


async def call(ann: Window, bob: Window, options: str = "{}") -> None:
    """ann publishes `a`, bob plays it and sees it move."""
    await run(
        ann,
        f"window.local = await zg.createZegoStream(); zg.startPublishingStream('a' + Date.now(), local, {options});",
    )
    await ann.until(PUBLISHING)
    await run(bob, "await until(() => added.length); await show(added[0]); await until(() => frames() > 5, 'frames');")


async def test_a_muted_kind_stops_and_comes_back(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    await run(bob, "await zg.mutePlayStreamVideo(added[0], true); await until(stands, 'the picture to stand');")
    assert await run(bob, "return view.stream.getTracks().length") == 2
    await run(bob, "await zg.mutePlayStreamVideo(added[0], false); await more();")


async def test_a_stream_is_played_again_on_the_same_lines(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    for _ in range(3):
        await run(bob, "zg.stopPlayingStream(added[0]); await show(added[0]); await more();")
    assert await run(bob, "return zg.rooms.list[0].players.all[0].pc.getTransceivers().length") == 2
    assert await run(bob, "return document.querySelectorAll('#remote video').length") == 1


async def test_published_again_on_the_same_lines(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    await run(
        ann,
        "zg.stopPublishingStream(zg.rooms.list[0].publisher.list[0].streamID); zg.startPublishingStream('again', local);",
    )
    await run(
        bob,
        "await until(() => added.includes('again')); zg.stopPlayingStream(added[0]); await show('again'); await more();",
    )
    assert await run(ann, "return zg.rooms.list[0].publisher.pc.getTransceivers().length") == 2


async def test_tracks_are_replaced_without_a_new_stream(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    await run(ann, "await zg.replaceTrack(local.stream, painted(200, 100));")
    await run(bob, "await until(() => shape() === 2, 'the canvas');")
    await run(ann, "await local.startCaptureCamera(); await zg.updatePublishingStream(local, 0);")
    await run(bob, "await until(() => shape() < 1.5, 'the camera');")
    assert await run(bob, "return added.length") == 1


async def test_h264_by_wish(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob, "{videoCodec: 'H264'}")
    await run(
        bob,
        "await until(async () => zg.getPlayingStreamQuality(added[0])?.video.googCodecName === 'H264', 'H264');",
    )


async def test_a_second_stream_and_a_voice_beside_the_first(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    await run(
        ann,
        """
        window.voice = await zg.createZegoStream({camera: {audio: true, video: false}});
        zg.startPublishingStream('voice', voice);
        zg.startPublishingStream('canvas', new MediaStream([painted(160, 120)]));""",
    )
    await run(
        bob,
        """
        await until(() => added.includes('voice') && added.includes('canvas'));
        const [sound, canvas] = await Promise.all(['voice', 'canvas'].map((one) => zg.startPlayingStream(one)));
        if (sound.getVideoTracks().length || canvas.getAudioTracks().length) throw new Error('a track too many');
        await until(async () => zg.getPlayingStreamQuality('voice')?.audio.audioSamplingRate > 0, 'sound');
        await until(async () => zg.getPlayingStreamQuality('canvas')?.video.videoFramesDecoded > 5, 'picture');
        await more();""",
    )
    connected = "return window.__peers.filter((peer) => peer.connectionState === 'connected').length"
    assert await run(bob, connected) == 1
    assert await run(ann, connected) == 1


async def test_beauty_reaches_the_viewer_and_can_be_taken_off(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    plain = await run(bob, "return light();")
    await run(
        ann,
        "window.camera = local.getVideoTracks()[0]; await zg.setEffectsBeauty(local, true, {whitenIntensity: 100});",
    )
    await run(bob, f"await until(() => light() > {plain} + 15, 'a brighter picture'); await more();")
    await run(ann, "await zg.setEffectsBeauty(local, false);")
    assert await run(ann, "return local.getVideoTracks()[0] === camera && camera.readyState === 'live'")
    await run(bob, f"await until(() => light() < {plain} + 8, 'the plain picture');")
    await run(ann, "await zg.setEffectsBeauty(local, true); zg.destroyStream(local);")
    assert await run(ann, "return camera.readyState") == "ended"


NOISE = """
const noisy = () => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 320, height: 240});
  const pen = canvas.getContext('2d');
  const picture = pen.createImageData(320, 240);
  let seed = 1;
  const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;
  for (let at = 0; at < picture.data.length; at += 4) {
    const colour = (at / 4) % 320 < 160 ? [205, 150, 120] : [120, 150, 205];
    colour.forEach((value, index) => { picture.data[at + index] = value + 24 * (random() + random() + random() - 1.5) / 1.73; });
    picture.data[at + 3] = 255;
  }
  setInterval(() => pen.putImageData(picture, 0, 0), 60);
  return canvas.captureStream(15);
};
const deviations = async (stream) => {
  const video = Object.assign(document.createElement('video'), {muted: true, srcObject: stream});
  await video.play();
  await until(() => video.getVideoPlaybackQuality().totalVideoFrames > 5, 'frames of the preview');
  const pen = Object.assign(document.createElement('canvas'), {width: 320, height: 240}).getContext('2d');
  pen.drawImage(video, 0, 0);
  video.srcObject = null;
  return [20, 180].map((left) => {
    const { data } = pen.getImageData(left, 20, 120, 200);
    const green = Array.from({length: data.length / 4}, (_, at) => data[at * 4 + 1]);
    const mean = green.reduce((sum, value) => sum + value, 0) / green.length;
    return Math.sqrt(green.reduce((sum, value) => sum + (value - mean) ** 2, 0) / green.length);
  });
};
"""


async def test_beauty_as_it_is_set_by_default_smooths_skin_and_adds_no_noise(enter: Enter) -> None:
    ann = await enter("ann")
    measured = await run(
        ann,
        f"""{NOISE}
        const source = noisy();
        window.local = await zg.createZegoStream({{custom: {{video: {{source}}}}}});
        const plain = await deviations(source);
        await zg.setEffectsBeauty(local, true);
        return {{plain, beauty: await deviations(local.stream)}};""",
    )
    (skin, other), (skin_after, other_after) = measured["plain"], measured["beauty"]
    assert skin > 5, "the picture is noisy"
    assert skin_after < 0.8 * skin, measured
    assert other_after < 1.15 * other, measured


async def test_two_things_are_captured_by_two_arguments(enter: Enter) -> None:
    ann = await enter("ann")
    assert await run(
        ann,
        """
        window.local = await zg.createZegoStream();
        await local.startCaptureCameraAndMicrophone({quality: 1}, {AEC: false, ANS: false, AGC: false});
        const {width} = local.getVideoTracks()[0].getSettings();
        const {echoCancellation, noiseSuppression} = local.getAudioTracks()[0].getSettings();
        const sound = new AudioContext().createMediaStreamDestination().stream;
        const picture = new MediaStream([painted(200, 100)]);
        await local.startCaptureCustomVideoAndAudio({source: picture}, {source: sound});
        return [width, echoCancellation, noiseSuppression,
          local.getVideoTracks()[0] === picture.getTracks()[0], local.getAudioTracks()[0] === sound.getTracks()[0]];""",
    ) == [320, False, False, True, True]


async def test_streams_that_are_played_later_are_muted_with_all(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await run(ann, "window.local = await zg.createZegoStream(); zg.startPublishingStream('a' + Date.now(), local);")
    await ann.until(PUBLISHING)
    await run(
        bob,
        """
        await zg.muteAllPlayVideoStreams(true);
        await zg.muteAllPlayAudioStreams(true);
        await until(() => added.length);
        void show(added[0]); // it resolves with the first frame
        await until(() => window.view && document.querySelector('#remote video'), 'the view');
        await until(async () => zg.getPlayingStreamQuality(added[0])?.audio.audioBitrate > 0, 'sound that is not heard');
        const enabled = view.stream.getTracks().map((track) => `${track.kind} ${track.enabled}`).sort().join();
        if (frames() || enabled !== 'audio false,video true') throw new Error(`${frames()} frames, ${enabled}`);
        await zg.muteAllPlayAudioStreams(false);
        await zg.mutePlayStreamVideo(added[0], false);
        await more();""",
    )


async def test_quality_and_sound_levels_are_told(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    await run(
        bob,
        "window.levels = []; zg.on('soundLevelUpdate', (list) => levels.push(...list)); zg.setSoundLevelDelegate(true, 100);",
    )
    await ann.until(called("publishQualityUpdate"))
    await bob.until(called("playQualityUpdate"))
    stats = (await bob.calls("playQualityUpdate"))[0].args[1]
    assert stats["video"]["videoBitrate"] > 0
    assert stats["video"]["videoFPS"] > 0
    assert stats["audio"]["audioCodec"] == "opus"
    await run(
        bob, "await until(() => levels.some(({soundLevel, type}) => soundLevel > 0 && type === 'pull'), 'a beep');"
    )


async def test_the_end_of_an_engine_is_the_end_of_its_tracks(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    await run(ann, "window.old = await zg.createStream(); local.playVideo('local'); await zg.destroyEngine();")
    ended = "[...local.getTracks(), ...old.getTracks()].every((track) => track.readyState === 'ended')"
    assert await run(ann, f"return {ended}")
    assert await run(ann, "return window.__peers.every((peer) => peer.connectionState === 'closed')")
    await bob.until("calls.some(c => c.name === 'roomStreamUpdate' && c.args[1] === 'DELETE')")


async def test_a_closed_window_is_gone_at_once(enter: Enter) -> None:
    ann, bob = await enter("ann"), await enter("bob")
    await call(ann, bob)
    await ann.page.goto("about:blank")
    await bob.until("calls.some(c => c.name === 'roomUserUpdate' && c.args[1] === 'DELETE')", timeout_s=5)


async def test_several_rooms_and_a_switch(suite: Suite, room: str, window: OpenWindow) -> None:
    ann = await window(f"{suite.url}/bare", PAGE)
    token = json.dumps(suite.dev_token("multi"))
    await run(ann, f"window.zg = new ZegoExpressEngine({suite.app_id}, ''); zg.enableMultiRoom(true);")
    for name in ("one", "two"):
        await run(ann, f"await zg.loginRoom('{room}.{name}', {token}, {{userID: 'multi'}});")
    await run(ann, "window.local = await zg.createZegoStream();")
    for name in ("one", "two"):
        await run(ann, f"zg.startPublishingStream('in-{name}', local, {{roomID: '{room}.{name}'}});")
        await ann.until(f"calls.some(c => c.args[0].streamID === 'in-{name}' && c.args[0].state === 'PUBLISHING')")
    await run(ann, f"await zg.logoutRoom('{room}.one');")
    await run(ann, f"await zg.switchRoom('{room}.two', '{room}.three', {{token: {token}}});")
    states = [(c.args[0].rsplit(".", 1)[1], c.args[1]) for c in await ann.calls("roomStateChanged")]
    assert states[4:] == [("one", "LOGOUT"), ("two", "LOGOUT"), ("three", "LOGINING"), ("three", "LOGINED")]
    assert await run(ann, "return local.active"), "captured media outlives a switch"


async def test_a_blocked_view_asks_for_a_gesture(suite: Suite, room: str, enter: Enter) -> None:
    ann = await enter("ann")
    await run(ann, "window.local = await zg.createZegoStream(); zg.startPublishingStream('a', local);")
    await ann.until(PUBLISHING)
    # The page acts by itself: whatever Playwright evaluates in a page counts as a gesture there.
    user = f"bob-{room}"
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    login = ", ".join(json.dumps(one) for one in (suite.app_id, room, user, suite.dev_token(user)))
    html = f"{PAGE}<script>enter({login}).then({SHOW_BLOCKED});</script>"

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="text/html; charset=utf-8", body=html)

    def heard(line: ConsoleMessage) -> None:
        if line.text.startswith("blocked") and not told.done():
            told.set_result(line.text)

    async with chromium(autoplay=False) as strict:
        page = await strict.new_page()
        page.on("console", heard)
        await page.route(f"{suite.url}/bare", answer)
        await page.goto(f"{suite.url}/bare")
        async with asyncio.timeout(20):
            assert await told == "blocked 0"
        await page.click("#parlour-autoplay button")
        await page.wait_for_function("frames() > 5")
        assert await page.query_selector("#parlour-autoplay") is None


async def test_the_module_gives_the_same_engine(suite: Suite, window: OpenWindow) -> None:
    bare = await window(f"{suite.url}/bare", PAGE)
    names = await run(
        bare,
        """
        const all = await import('/sdk/zego-express-engine-webrtc.mjs');
        window.zg = new all.ZegoExpressEngine(1, '');
        return Object.keys(all);""",
    )
    assert {"ZegoExpressEngine", "WebRTCUtil", "ZegoRoomStateChangedReason"} <= set(names)
    assert await run(bare, "return zg.rooms.addresses[0]") == suite.url.replace("http", "ws") + "/ws"
