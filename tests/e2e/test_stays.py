"""A stay in a call on the demo pages, by keyboard: what the buttons say of camera and microphone is so, whatever happened before."""

import pytest
from playwright.async_api import Browser

from parlour.testkit.browser.conditions import LOGGED_OUT, PUBLISHING, STREAM_ADDED, USER_ADDED, kicked, received
from parlour.testkit.browser.window import OpenWindow, Window, open_window, page_address
from parlour.testkit.suite import Suite

LOGIN_ELSEWHERE = 1002050
DEVICES = """(() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.__tracks = [];
  navigator.mediaDevices.getUserMedia = async (wish) => {
    REFUSE
    const stream = await real(wish);
    window.__tracks.push(...stream.getTracks());
    return stream;
  };
})();"""
"""Remembers each track that the page got from a device; REFUSE is what the devices of this visitor refuse."""
NO_CAMERA = "if (wish.video) throw new DOMException('Requested device not found', 'NotFoundError');"
NO_DEVICE = "throw new DOMException('Requested device not found', 'NotFoundError');"
DENIED = "window.__asked = (window.__asked ?? 0) + 1; throw new DOMException('Permission denied', 'NotAllowedError');"
LIVE = "() => window.__tracks.filter(track => track.readyState === 'live').map(track => track.kind).sort()"
TWICE_PUBLISHING = (
    "calls.filter(c => c.name === 'publisherStateUpdate' && c.args[0].state === 'PUBLISHING').length === 2"
)
LAST_MUTES = """() => Object.fromEntries(['Camera', 'Mic'].map((kind) =>
  [kind, window.__calls.filter(call => call.name === `remote${kind}StatusUpdate`).at(-1)?.args[1]]))"""


def address(suite: Suite, room: str, user: str, page: str = "/demo/video") -> str:
    """The page, which joins by itself."""
    return page_address(suite.url, page, token=suite.dev_token(user), room=room, user=user, app=suite.app_id)


async def press(side: Window, *buttons: str) -> None:
    """Presses buttons as somebody without a mouse does."""
    for button in buttons:
        await side.page.locator(button).press("Enter")


async def words(side: Window, *buttons: str) -> list[str]:
    """What the buttons say, and whether they can be pressed."""
    found = [side.page.locator(button) for button in buttons]
    return [f"{await one.inner_text()}{'' if await one.is_enabled() else ' (disabled)'}" for one in found]


async def test_who_muted_left_and_joined_again_is_shown_what_others_see_and_hear(
    suite: Suite, browser: Browser, room: str
) -> None:
    ann = await open_window(browser, address(suite, room, "ann"), before=DEVICES.replace("REFUSE", ""))
    bob = await open_window(browser, address(suite, room, "bob"))
    await bob.until(STREAM_ADDED)
    await ann.until(PUBLISHING)
    await press(ann, "#microphone", "#camera")
    assert await words(ann, "#microphone", "#camera") == ["Unmute microphone", "Turn camera on"]
    await bob.page.wait_for_function(f'() => JSON.stringify(({LAST_MUTES})()) === \'{{"Camera":"MUTE","Mic":"MUTE"}}\'')
    await press(ann, "#logout")
    await ann.until(LOGGED_OUT)
    await ann.page.locator("#login:enabled").wait_for()
    assert await words(ann, "#microphone", "#camera") == ["Mute microphone (disabled)", "Turn camera off (disabled)"]
    assert await ann.page.evaluate(LIVE) == [], "devices are given back"
    await press(ann, "#login")
    await ann.until(TWICE_PUBLISHING)
    await ann.page.locator("#microphone:enabled").wait_for()
    sent = await ann.page.evaluate("zg.isMicrophoneMuted()")
    assert (sent, await words(ann, "#microphone", "#camera")) == (False, ["Mute microphone", "Turn camera off"])
    streams = suite.replay(room)["streams"]
    assert [(stream["audioMuted"], stream["videoMuted"]) for stream in streams] == [(False, False)] * 2


async def test_a_page_that_was_put_out_gives_the_camera_back(suite: Suite, browser: Browser, room: str) -> None:
    ann = await open_window(browser, address(suite, room, "ann"), before=DEVICES.replace("REFUSE", ""))
    await ann.until(PUBLISHING)
    assert await ann.page.evaluate(LIVE) == ["audio", "video"]
    elsewhere = await open_window(browser, address(suite, room, "ann"))
    await elsewhere.until(PUBLISHING)
    await ann.until(kicked(LOGIN_ELSEWHERE))
    assert await ann.page.evaluate(LIVE) == []
    assert await words(ann, "#login", "#logout", "#camera") == [
        "Join",
        "Leave (disabled)",
        "Turn camera off (disabled)",
    ]
    assert "put out" in await ann.page.locator("#notice").inner_text()


@pytest.mark.parametrize("refused", [NO_DEVICE, DENIED], ids=["no device", "denied"])
@pytest.mark.parametrize("page", ["/demo/video", "/demo/voice"])
async def test_without_camera_and_microphone_one_watches_and_listens(
    suite: Suite, browser: Browser, room: str, page: str, refused: str
) -> None:
    bob = await open_window(browser, address(suite, room, "bob", page))
    await bob.until(PUBLISHING)
    ann = await open_window(browser, address(suite, room, "ann", page), before=DEVICES.replace("REFUSE", refused))
    await ann.until(STREAM_ADDED)
    await ann.until_media(video=page == "/demo/video", audio=True)
    await ann.page.get_by_text("You watch and listen").wait_for()
    assert await words(ann, "#login", "#logout", "#microphone") == [
        "Join (disabled)", "Leave", "Mute microphone (disabled)",
    ]  # fmt: skip
    assert (await ann.page.evaluate("window.__asked ?? 1")) == 1, "who said no is not asked again"
    await bob.until(USER_ADDED)
    await ann.page.locator("#message").press_sequentially("I only watch")
    await ann.page.keyboard.press("Enter")
    await bob.until(received("IMRecvBroadcastMessage", "I only watch"))
    await press(ann, "#logout")
    await ann.until(LOGGED_OUT)
    assert not ann.errors


async def test_without_a_camera_others_hear_one(suite: Suite, browser: Browser, room: str) -> None:
    ann = await open_window(browser, address(suite, room, "ann"), before=DEVICES.replace("REFUSE", NO_CAMERA))
    await ann.until(PUBLISHING)
    assert await words(ann, "#microphone", "#camera") == ["Mute microphone", "Turn camera off (disabled)"]
    await ann.page.get_by_text("No camera was found").wait_for()


async def test_a_refused_token_says_what_a_guest_can_do(suite: Suite, window: OpenWindow, room: str) -> None:
    guest = await window(page_address(suite.url, "/demo/video", token="04AAAA", room=room, user="guest", app=1))
    await guest.page.get_by_text("Ask whoever sent you the link").wait_for()
    assert "parlour" not in await guest.page.locator("#notice").inner_text()
    assert await words(guest, "#login", "#logout") == ["Join", "Leave (disabled)"]
