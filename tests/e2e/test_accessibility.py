"""Every page in every state is fit for people with a screen reader, a keyboard or a small screen, by axe-core and by keys alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.conditions import LOGGED_OUT, PUBLISHING, STREAM_ADDED
from parlour.testkit.browser.window import Window, open_window, page_address
from parlour.testkit.suite import Suite

AXE = Path(__file__).parents[2] / "libs" / "sdk-web" / "node_modules" / "axe-core" / "axe.min.js"
"""Given to the page by the browser's own console, as a person would: the server does not serve it."""
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
FAULTS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(
  ({id, impact, nodes}) => `${id} (${impact}): ${nodes.map(({html}) => html.slice(0, 160)).join(' | ')}`)"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Place(NamedTuple):
    """A suite, a browser, and a call that is over."""

    suite: Suite
    browser: Browser
    reader: str
    room: str

    async def open(self, path: str) -> Window:
        """One of the pages."""
        return await open_window(self.browser, f"{self.suite.url}{path}")

    async def join(self, page: str, user: str, room: str) -> Window:
        """A call page, publishing."""
        token = self.suite.dev_token(user)
        joined = await open_window(
            self.browser, page_address(self.suite.url, page, token=token, room=room, user=user, app=self.suite.app_id)
        )
        await joined.until(PUBLISHING)
        return joined


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(suite: Suite) -> AsyncIterator[Place]:
    """A browser for all tests here, beside a call that took place."""
    reader = suite.run("token", "--subscribe", "--scope", "history", "--scope", "events").stdout.strip()
    async with chromium() as browser:
        here = Place(suite, browser, reader, "axe-past")
        ann = await here.join("/demo/video", "ann", here.room)
        await ann.page.locator("#message").press_sequentially("good morning")
        await ann.page.keyboard.press("Enter")
        await ann.page.get_by_text("you (broadcast)").wait_for()
        await ann.page.locator("#logout").press("Enter")
        await ann.until(LOGGED_OUT)
        await ann.close()
        yield here


async def faults(page: Page) -> list[str]:
    """What axe-core finds, at a desk and on a phone, light and dark."""
    await page.evaluate(AXE.read_text())
    found: list[str] = []
    for size in (DESKTOP, PHONE):
        for scheme in ("light", "dark"):
            await page.set_viewport_size(cast("Any", size))
            await page.emulate_media(color_scheme=cast("Any", scheme))
            found += [f"{size['width']} {scheme} {fault}" for fault in await page.evaluate(FAULTS)]
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{size['width']} wider than the screen")
    return found


@pytest.mark.parametrize("path", ["/", "/demo/video", "/demo/voice", "/history", "/debug", "/detect", "/debug?replay="])
async def test_a_page_as_it_opens(place: Place, path: str) -> None:
    visitor = await place.open(path)
    if path == "/":
        await visitor.page.get_by_text("all services up").wait_for()
    assert not await faults(visitor.page)
    assert not visitor.errors


@pytest.mark.parametrize("page", ["/demo/video", "/demo/voice"])
async def test_a_call(place: Place, page: str) -> None:
    room = f"axe{page.replace('/', '-')}"
    ann, bob = await place.join(page, "ann", room), await place.join(page, "bob", room)
    await ann.until(STREAM_ADDED)
    await bob.until(STREAM_ADDED)
    await ann.page.locator("#microphone").press("Enter")
    await bob.page.get_by_text("microphone of").wait_for()
    assert not [*await faults(ann.page), *await faults(bob.page)]
    assert not [*ann.errors, *bob.errors]


async def test_the_debug_page_logged_in_and_publishing(place: Place) -> None:
    ann = await place.open("/debug?room=axe-debug&user=ann")
    await ann.page.locator("#login").press("Enter")
    await ann.page.locator("#publish:enabled").press("Enter")
    await ann.until(PUBLISHING)
    assert not await faults(ann.page)


async def test_the_browser_check_with_its_answers(place: Place) -> None:
    visitor = await place.open("/detect")
    await visitor.page.locator("#check").press("Enter")
    await visitor.page.get_by_text("ready to call").wait_for()
    assert not await faults(visitor.page)


async def test_past_calls_and_their_timeline_by_keyboard(place: Place) -> None:
    visitor = await place.open("/history")
    page = visitor.page
    await page.locator("#token").press_sequentially(place.reader)
    await page.locator("#room").press_sequentially(place.room)
    await page.keyboard.press("Enter")
    await page.locator("#calls button").first.press("Enter")
    timeline = page.locator("svg.timeline")
    await timeline.wait_for()
    assert "good morning" in str(await page.locator("#timeline-text").text_content()), "the same as text"
    for key in ("End", "PageDown", "ArrowLeft"):
        await timeline.press(key)
    assert await timeline.get_attribute("aria-valuenow") == "89"
    await page.locator("#moment:not([hidden])").wait_for()
    assert not await faults(page)
    assert not visitor.errors


async def test_a_recorded_call_on_the_debug_page(place: Place) -> None:
    visitor = await place.open(f"/debug?replay=&room={place.room}")
    await visitor.page.locator("#reader-token").press_sequentially(place.reader)
    await visitor.page.keyboard.press("Enter")
    await visitor.page.locator("#replay-play:enabled").wait_for()
    assert not await faults(visitor.page)
    assert not visitor.errors


@pytest.mark.parametrize("path", ["/", "/demo/video", "/demo/voice", "/history", "/debug", "/detect"])
async def test_tab_goes_through_a_page_and_out_of_it(place: Place, path: str) -> None:
    visitor = await place.open(path)
    await visitor.page.keyboard.press("Tab")
    assert await visitor.page.evaluate("document.activeElement.className") == "skip"
    reached: list[str] = []
    for _ in range(60):
        await visitor.page.keyboard.press("Tab")
        reached.append(await visitor.page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
        if reached[-1].startswith("<body"):
            break
    assert reached[-1].startswith("<body"), "the keyboard is trapped"
