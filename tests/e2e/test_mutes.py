"""A camera and a microphone that are muted: others are told, those who come later too, and the record holds each change once."""

from typing import Any

from parlour.testkit.browser.conditions import PUBLISHING
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.suite import Suite

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>mutes</title>
<script src="/sdk/ZegoExpressWebRTC-3.12.0.js"></script><div id="remote"></div>"""


async def enter(window: OpenWindow, suite: Suite, room: str, user: str) -> Window:
    """A bare page in the room, which plays what comes."""
    page = await window(f"{suite.url}/bare", PAGE)
    await page.page.evaluate(
        """async ([appID, roomID, userID, token]) => {
          window.zg = new ZegoExpressEngine(appID, '');
          zg.on('roomStreamUpdate', async (_, update, list) => {
            if (update === 'ADD') zg.createRemoteStreamView(await zg.startPlayingStream(list[0].streamID)).play('remote');
          });
          await zg.loginRoom(roomID, token, {userID}, {userUpdate: true});
        }""",
        [suite.app_id, room, user, suite.dev_token(user)],
    )
    return page


def told(camera: str, microphone: str) -> str:
    """What was last heard of both, where both were heard of."""
    last = "calls.filter(c => c.name === '%s').at(-1)?.args[1] === '%s'"
    return " && ".join(
        last % pair for pair in (("remoteCameraStatusUpdate", camera), ("remoteMicStatusUpdate", microphone)) if pair[1]
    )


async def test_mutes_reach_others_late_comers_and_the_record(suite: Suite, room: str, window: OpenWindow) -> None:
    ann, bob = await enter(window, suite, room, "ann"), await enter(window, suite, room, "bob")
    await ann.page.evaluate("async () => { window.local = await zg.createZegoStream(); }")
    await ann.page.evaluate("zg.startPublishingStream('cam', local); zg.mutePublishStreamVideo(local, true);")
    await ann.until(PUBLISHING)
    await bob.until(told("MUTE", ""))
    await ann.page.evaluate("zg.muteMicrophone(true); zg.mutePublishStreamVideo(local, false);")
    await bob.until(told("OPEN", "MUTE"))
    await ann.page.evaluate("zg.enableVideoCaptureDevice(local, false)")
    await bob.until(told("MUTE", "MUTE"))
    late = await enter(window, suite, room, "late")
    await late.until(told("MUTE", "MUTE"))

    changes: list[dict[str, Any]] = [e["data"] for e in suite.events(room) if e["type"] == "stream.mutes_changed.v1"]
    assert [(c["audioMuted"], c["videoMuted"]) for c in changes] == [(False, True), (True, False), (True, True)]
    (stream,) = suite.replay(room)["streams"]
    assert (stream["audioMuted"], stream["videoMuted"]) == (True, True)
    assert not [*ann.errors, *bob.errors, *late.errors]
