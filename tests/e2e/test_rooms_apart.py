"""Two rooms at once know nothing of each other, and one user is in one place at a time."""

from urllib.parse import urlencode

from parlour.testkit.browser.conditions import STREAM_ADDED, USER_ADDED, USER_GONE, kicked, received
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.suite import Suite

LOGIN_ELSEWHERE = 1002050


async def _enter(suite: Suite, window: OpenWindow, room: str, user: str) -> Window:
    query = {"room": room, "user": user, "token": suite.dev_token(user), "app": suite.app_id, "auto": 1}
    return await window(f"{suite.url}/demo/video?{urlencode(query)}")


async def test_nothing_crosses_from_room_to_room(suite: Suite, window: OpenWindow, room: str) -> None:
    one, other = f"{room}.one", f"{room}.other"
    in_one = [await _enter(suite, window, one, f"{u}-{one}") for u in ("a", "b")]
    in_other = [await _enter(suite, window, other, f"{u}-{other}") for u in ("c", "d")]
    for side in (*in_one, *in_other):
        await side.until(STREAM_ADDED)
    await in_one[0].page.fill("#message", "for this room only")
    for button in ("#send-broadcast", "#send-barrage", "#send-command"):
        await in_one[0].page.click(button)
    await in_one[1].until(received("IMRecvCustomCommand", "for this room only"))
    await in_other[0].page.fill("#message", "the other room is alive")
    await in_other[0].page.click("#send-broadcast")
    await in_other[1].until(received("IMRecvBroadcastMessage", "the other room is alive"))
    for side, foreign in ((in_one[0], other), (in_one[1], other), (in_other[0], one), (in_other[1], one)):
        assert foreign not in str(side.frames)
        assert foreign not in str(await side.calls())
    assert "for this room only" not in str(in_other[0].frames) + str(in_other[1].frames)


async def test_a_login_elsewhere_ends_the_first_one(suite: Suite, window: OpenWindow, room: str) -> None:
    first_room, second_room = f"{room}.first", f"{room}.second"
    first = await _enter(suite, window, first_room, f"u-{room}")
    witness = await _enter(suite, window, first_room, f"w-{room}")
    for side in (first, witness):
        await side.until(USER_ADDED)
        await side.until(STREAM_ADDED)
    second = await _enter(suite, window, second_room, f"u-{room}")
    await second.until("calls.some(c => c.name === 'roomStateChanged' && c.args[1] === 'LOGINED')")
    await first.until(kicked(LOGIN_ELSEWHERE))
    await witness.until(USER_GONE)
    await witness.until("calls.some(c => c.name === 'roomStreamUpdate' && c.args[1] === 'DELETE')")
    gone = [c for c in await witness.calls("roomStreamUpdate") if c.args[1] == "DELETE"]
    assert '"code":3' in gone[0].args[3].replace(" ", ""), "others are told that it was a repeated login"
    assert any(e["type"] == "room.user_kicked.v1" for e in suite.events(first_room))
