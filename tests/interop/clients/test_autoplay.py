"""A browser that plays nothing before a touch: the dialog comes, and a click on it starts sound and picture.

Until the dialog is there, nothing is asked of the viewer's page: what Playwright evaluates counts as a touch, and the browser would play.
The page tells by itself, on its console.
"""

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.conditions import PUBLISHING
from parlour.testkit.browser.demo_call import video_call
from parlour.testkit.browser.window import open_window
from parlour.testkit.suite import Suite

TELLS = """new MutationObserver(() => {
  if (document.querySelector('#parlour-autoplay button')) console.log('the dialog is there');
}).observe(document, {childList: true, subtree: true});"""
PLAYS = """() => {
  const video = document.querySelector('#remote-video video');
  return !!video && !video.paused && video.currentTime > 0 && !document.querySelector('#parlour-autoplay');
}"""


async def test_dialog_appears_and_a_click_resumes(suite: Suite, room: str) -> None:
    strict = ("--autoplay-policy=user-gesture-required",)
    async with chromium(autoplay=False, extra=strict) as browser:
        talker = await open_window(browser, video_call(suite, room, "talker"))
        await talker.until(PUBLISHING)
        viewer = await open_window(browser, video_call(suite, room, "viewer"), before=TELLS)
        await viewer.until_said("the dialog is there")
        await viewer.page.click("#parlour-autoplay button")
        await viewer.page.wait_for_function(PLAYS, timeout=20_000)
        assert not viewer.errors
        assert not talker.errors
