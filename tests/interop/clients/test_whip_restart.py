"""A browser that speaks WHIP by itself restarts ICE by PATCH, and whoever plays its stream goes on seeing it."""

from pathlib import Path

from playwright.async_api import Browser

from parlour.testkit.browser.conditions import STREAM_ADDED
from parlour.testkit.browser.demo_call import video_call
from parlour.testkit.browser.window import OpenWindow
from parlour.testkit.suite import Suite
from parlour.testkit.waiting import eventually

SCRIPT = Path(__file__).with_name("whip_restart.js")
WITHIN_S = 60.0
SENT = 50
"""Packets over the pair that has the new credentials."""


async def test_media_goes_on_after_ice_was_restarted(
    suite: Suite, browser: Browser, window: OpenWindow, room: str
) -> None:
    viewer = await window(video_call(suite, room, "viewer"))
    page = await browser.new_page()
    await page.goto(f"{suite.url}/demo/video")
    await page.evaluate(SCRIPT.read_text())
    await page.evaluate(
        "([url, token]) => whip.start(url, token)", [f"{suite.url}/whip/restarted", suite.dev_token("encoder", room)]
    )
    await viewer.until(STREAM_ADDED, what="the encoder's stream", timeout_s=WITHIN_S)
    await viewer.until_media(video=True, audio=True, timeout_s=WITHIN_S)
    told = await page.evaluate("() => whip.restart()")
    assert told["before"] != told["after"], "the relay has new credentials too"

    async def sends() -> bool:
        return await page.evaluate("() => whip.sends()") >= SENT

    await eventually(sends, "the restarted encoder sends", timeout_s=WITHIN_S, poll_s=0.1)
    await viewer.until_media(video=True, audio=True, timeout_s=WITHIN_S)
    kinds = [event["type"] for event in suite.events(room) if event["data"].get("streamID") == "restarted"]
    assert kinds.count("stream.added.v1") == 1
    assert "stream.removed.v1" not in kinds
    assert "stream.updated.v1" not in kinds, "a restart of ICE is no event"
