"""Firefox and Chromium in one call on the demo page: VP8 and Opus both ways."""

from parlour.testkit.browser.conditions import STREAM_ADDED, STREAM_GONE, USER_ADDED, USER_GONE
from parlour.testkit.browser.demo_call import join, video_call
from parlour.testkit.browser.firefox import Firefox
from parlour.testkit.browser.window import OpenWindow
from parlour.testkit.suite import Suite


async def test_call_with_chromium(suite: Suite, window: OpenWindow, fox: Firefox, room: str) -> None:
    chrome = await window(video_call(suite, room, "chrome"))
    await join(fox, suite, room, "fox")
    await chrome.until(STREAM_ADDED, what="Firefox's stream", timeout_s=40)
    await chrome.until_media(video=True, audio=True)
    await fox.until_called(f"{STREAM_ADDED} && {USER_ADDED}", what="Chromium and its stream")
    await fox.until_media()

    await fox.run("document.querySelector('#logout').click()")
    await chrome.until(STREAM_GONE, what="Firefox's stream to go")
    await chrome.until(USER_GONE, what="Firefox to go")
    assert not chrome.errors
