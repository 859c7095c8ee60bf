"""Two windows on our own pages, which make the seeds' calls in the seeds' order."""

import asyncio

from parlour.testkit.browser.conditions import LOGGED_OUT, STREAM_ADDED, STREAM_GONE, USER_ADDED, USER_GONE, received
from parlour.testkit.browser.window import OpenWindow, Window, page_address
from parlour.testkit.suite import Suite


async def two_on(page: str, suite: Suite, window: OpenWindow, room: str) -> tuple[Window, Window]:
    """alice and bob on one demo page, logged in by their addresses."""

    def address(user: str) -> str:
        name = f"{user}-{room}"
        return page_address(suite.url, page, token=suite.dev_token(name), room=room, user=name, app=suite.app_id)

    alice = await window(address("alice"))
    bob = await window(address("bob"))
    return alice, bob


async def test_video_call(suite: Suite, window: OpenWindow, room: str) -> None:
    alice, bob = await two_on("/demo/video", suite, window, room)
    for side in (alice, bob):
        await side.until(STREAM_ADDED, what="the other's stream")
        await side.until(USER_ADDED, what="the other user")
        await side.until_media(video=True, audio=True)
    await bob.page.click("#logout")
    await bob.until(LOGGED_OUT)
    await alice.until(STREAM_GONE, what="bob's stream to go")
    await alice.until(USER_GONE, what="bob to go")
    assert not alice.errors
    assert not bob.errors


async def test_voice_call(suite: Suite, window: OpenWindow, room: str) -> None:
    alice, bob = await two_on("/demo/voice", suite, window, room)
    for side in (alice, bob):
        await side.until(STREAM_ADDED, what="the other's stream")
        await side.until_media(video=False, audio=True)


async def test_three_kinds_of_messages(suite: Suite, window: OpenWindow, room: str) -> None:
    alice, bob = await two_on("/demo/video", suite, window, room)
    await asyncio.gather(*(side.until(USER_ADDED) for side in (alice, bob)))
    for button, event in (
        ("#send-broadcast", "IMRecvBroadcastMessage"),
        ("#send-barrage", "IMRecvBarrageMessage"),
        ("#send-command", "IMRecvCustomCommand"),
    ):
        text = f"hello by {event}"
        await alice.page.locator("#message").press_sequentially(text)  # typed key by key, as a person does
        await alice.page.click(button)
        await bob.until(received(event, text))
        assert not await alice.calls(event), "a sender does not receive its own"
