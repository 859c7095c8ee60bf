"""After a call, replay at each seq is what each browser saw then, and the relay agrees with the record."""

from functools import cache
from typing import Any
from urllib.parse import urlencode

from parlour.testkit.browser.conditions import LOGGED_OUT, STREAM_ADDED, STREAM_GONE, received
from parlour.testkit.browser.frames import FrameFold, seen_in_replay
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.suite import Suite


async def _on_demo(suite: Suite, window: OpenWindow, room: str, user: str) -> Window:
    query = {"room": room, "user": user, "token": suite.dev_token(user), "app": suite.app_id, "auto": 1}
    return await window(f"{suite.url}/demo/video?{urlencode(query)}")


def _fold(seen: Window, user: str, room: str) -> FrameFold:
    fold = FrameFold(user, room)
    for frame in seen.frames:
        fold.feed(frame)
    return fold


async def test_replay_is_what_each_browser_saw(suite: Suite, window: OpenWindow, room: str) -> None:
    users = (f"al.{room}", f"bo.{room}")
    windows = [await _on_demo(suite, window, room, user) for user in users]
    for side in windows:
        await side.until(STREAM_ADDED)
        await side.until_media()
    await windows[0].page.fill("#message", "on the record")
    await windows[0].page.click("#send-broadcast")
    await windows[1].until(received("IMRecvBroadcastMessage", "on the record"))
    await windows[0].page.evaluate("room => window.__engines[0].setRoomExtraInfo(room, 'mood', 'fine')", room)
    await windows[1].until("calls.some(c => c.name === 'roomExtraInfoUpdate')")
    held = suite.live(room)
    assert held["differences"] == [], "the room service, the registry and the relay's table hold what the record says"
    assert len(held["relays"]["streams"]) == 2
    assert all(players for _, _, players in held["relays"]["streams"])
    await windows[1].page.click("#logout")
    await windows[1].until(LOGGED_OUT)
    await windows[0].until(STREAM_GONE)

    events = suite.events(room)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    names = {e["actor"]: e["userID"] for e in events if e["type"] == "room.user_joined.v1"}
    types = [e["type"] for e in events]
    assert types.count("room.user_joined.v1") == 2
    assert types.count("stream.added.v1") == 2
    assert types.count("im.broadcast_sent.v1") == 1

    @cache
    def replayed(seq: int) -> dict[str, Any]:
        return suite.replay(room, seq)

    for user, side in zip(users, windows, strict=True):
        fold = _fold(side, user, room)
        assert len(fold.states) > 3
        for seq, seen in fold.states.items():
            assert seen_in_replay(replayed(seq), user, names) == seen, f"{user} at seq {seq}"
