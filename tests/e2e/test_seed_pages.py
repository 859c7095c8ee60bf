"""The seeds' pages as they stand, in two windows each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from parlour.testkit.browser import seeds
from parlour.testkit.browser.conditions import (
    LOGGED_OUT,
    PLAYING,
    PUBLISHING,
    STREAM_ADDED,
    STREAM_GONE,
    USER_ADDED,
    USER_GONE,
    called,
    received,
)
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.suite import Suite

FOLDER = Path(__file__).parents[3] / "shared" / "seeds"
TEXTS = seeds.pages(FOLDER)

pytestmark = [
    pytest.mark.seeds,
    pytest.mark.skipif(not TEXTS, reason="the seeds' documents are not beside this checkout"),
]
SDK = "/sdk/ZegoExpressWebRTC-3.12.0.js"


async def _pair(
    make: Callable[[str, seeds.Blanks], str], text: str, suite: Suite, window: OpenWindow, room: str
) -> tuple[Window, Window]:
    async def opened(user: str) -> Window:
        name = f"{user}-{room}"
        blanks = seeds.Blanks(SDK, suite.app_id, room, name, suite.dev_token(name))
        return await window(f"{suite.url}/seed/{user}.html", make(text, blanks))

    return await opened("ada"), await opened("ben")


async def _messages(sender: Window, receiver: Window, room: str) -> None:
    for call, event in (
        ("sendBroadcastMessage(room, text)", "IMRecvBroadcastMessage"),
        ("sendBarrageMessage(room, text)", "IMRecvBarrageMessage"),
        ("sendCustomCommand(room, text, [])", "IMRecvCustomCommand"),
    ):
        answer = await sender.page.evaluate(
            f"async ([room, text]) => await window.__engines[0].{call}", [room, f"by {event}"]
        )
        assert answer["errorCode"] == 0
        await receiver.until(received(event, f"by {event}"))


@pytest.mark.parametrize("seed", ["000", "001", "002"])
async def test_example_page(seed: str, suite: Suite, window: OpenWindow, room: str) -> None:
    ada, ben = await _pair(seeds.example_page, TEXTS[seed], suite, window, room)
    for side in (ada, ben):
        await side.until(STREAM_ADDED, what="the other's stream")
        await side.until(USER_ADDED, what="the other user")
        await side.until_media(video=True, audio=True)
    await _messages(ada, ben, room)
    await ben.page.evaluate("room => zg.logoutRoom(room)", room)
    await ben.until(LOGGED_OUT)
    await ada.until(STREAM_GONE)
    await ada.until(USER_GONE)


@pytest.mark.parametrize("seed", ["000", "001", "002"])
async def test_callback_block(seed: str, suite: Suite, window: OpenWindow, room: str) -> None:
    ada, ben = await _pair(seeds.page_with_callbacks, TEXTS[seed], suite, window, room)
    for side in (ada, ben):
        await side.until_media(video=True, audio=True)
        await side.until(PUBLISHING)
        await side.until(PLAYING)
        await side.until(called("publishQualityUpdate"))
        await side.until(called("playQualityUpdate"))
    await _messages(ada, ben, room)
    assert [text for text in ben.dialogs if text.startswith("by IM")] == [
        "by IMRecvBroadcastMessage",
        "by IMRecvBarrageMessage",
        "by IMRecvCustomCommand",
    ]
    await ben.page.evaluate("zg.stopPublishingStream(publishedID); zg.destroyStream(localStream)")
    await ada.until(STREAM_GONE)


async def test_voice_snippets_in_their_order(suite: Suite, window: OpenWindow, room: str) -> None:
    ada, ben = await _pair(seeds.voice_page, TEXTS["004"], suite, window, room)
    for side in (ada, ben):
        await side.page.wait_for_function("window.loggedIn === true")
        await side.until_media(video=False, audio=True)
    await ben.page.evaluate("window.hangUp()")
    await ada.until(STREAM_GONE)
    await ada.until(USER_GONE)
