"""Two of every service but the relay behave as one."""

import asyncio

from playwright.async_api import Browser

from parlour.testkit.browser.conditions import LOGGED_OUT, STREAM_GONE, USER_ADDED, USER_GONE, received
from parlour.testkit.faults.call import Call
from parlour.testkit.suite import Suite


async def test_a_call_over_two_gateways(doubled: Suite, browser: Browser) -> None:
    assert len(doubled.urls) == 2
    tokens = {user: doubled.dev_token(user) for user in ("ann", "bob")}
    call = await Call.begin(browser, doubled.urls, doubled.app_id, "two-gateways", tokens)
    ann, bob = call.sides
    await asyncio.gather(*(side.until(USER_ADDED) for side in call.sides))
    await ann.page.fill("#message", "over there")
    await ann.page.click("#send-broadcast")
    await bob.until(received("IMRecvBroadcastMessage", "over there"))
    await bob.page.click("#logout")
    await bob.until(LOGGED_OUT)
    await ann.until(STREAM_GONE)
    await ann.until(USER_GONE)
    types = [event["type"] for event in doubled.events("two-gateways")]
    assert types.count("room.user_joined.v1") == 2, types
    assert types.count("stream.added.v1") == 2, types
