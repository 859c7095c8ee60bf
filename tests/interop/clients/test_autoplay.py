"""A browser that plays nothing before a touch: the dialog comes, and a click on it starts sound and picture."""

from demo import video_call

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.window import open_window
from parlour.testkit.suite import Suite

PLAYS = """() => {
  const video = document.querySelector('#remote-video video');
  return !!video && !video.paused && video.currentTime > 0 && !document.querySelector('#parlour-autoplay');
}"""


async def test_dialog_appears_and_a_click_resumes(suite: Suite, room: str) -> None:
    strict = ("--autoplay-policy=user-gesture-required",)
    async with chromium(autoplay=False, extra=strict) as browser:
        talker = await open_window(browser, video_call(suite, room, "talker"))
        viewer = await open_window(browser, video_call(suite, room, "viewer"))
        await viewer.page.wait_for_selector("#parlour-autoplay button", timeout=20_000)
        await viewer.page.click("#parlour-autoplay button")
        await viewer.page.wait_for_function(PLAYS, timeout=20_000)
        assert not viewer.errors
        assert not talker.errors
