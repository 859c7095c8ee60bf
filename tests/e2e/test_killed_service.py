"""kill -9 of the room service with a hundred commands in flight and a call up."""

import asyncio
import os
import signal
from urllib.parse import urlencode
from uuid import uuid4

from parlour.testkit.browser.conditions import STREAM_ADDED
from parlour.testkit.browser.window import OpenWindow, Window
from parlour.testkit.client import Frame, RawClient, Refusal
from parlour.testkit.history import Acknowledged, ClientHistory, check, from_frames, from_views
from parlour.testkit.suite import Suite

CLIENTS = 100
PATIENCE_S = 30
MAX_STILL_S = 2.0


async def _call(suite: Suite, window: OpenWindow, room: str) -> list[Window]:
    sides = list[Window]()
    for user in ("a", "b"):
        name = f"{user}-{room}"
        query = {"room": f"{room}.call", "user": name, "token": suite.dev_token(name), "app": suite.app_id, "auto": 1}
        sides.append(await window(f"{suite.url}/demo/video?{urlencode(query)}"))
    for side in sides:
        await side.until(STREAM_ADDED)
        await side.until_media()
    return sides


async def _join_whatever_happens(
    suite: Suite, url: str, room: str, user: str, token: str
) -> tuple[RawClient, Acknowledged]:
    """Logs in under one command id until it is acknowledged."""
    command_id, app = str(uuid4()), suite.app_id
    async with asyncio.timeout(PATIENCE_S):
        while True:
            client = await RawClient.open(url)
            try:
                position = str((await client.login(app, room, user, token, command_id=command_id))["position"])
            except (Refusal, ConnectionError, TimeoutError):
                await client.close()
            else:
                return client, Acknowledged(command_id, position)


async def _longest_stillness(side: Window, stop: asyncio.Event) -> float:
    """Seconds for which the picture stood still, at the longest."""
    longest, last, since = 0.0, await side.decoded(), asyncio.get_running_loop().time()
    while not stop.is_set():
        await side.page.wait_for_timeout(100)
        now, at = await side.decoded(), asyncio.get_running_loop().time()
        longest = max(longest, at - since)
        if now["frames"] > last["frames"]:
            last, since = now, at
    return longest


def _seq(frame: Frame) -> int:
    parts = str(frame.get("pos") or frame.get("position") or "..").split(".")
    return int(parts[1] or 0)


def _pid(suite: Suite, service: str) -> int:
    return next(int(s["pid"]) for s in suite.status()["services"] if s["name"] == service)


async def test_nothing_acknowledged_is_lost(suite: Suite, window: OpenWindow, room: str) -> None:
    sides = await _call(suite, window, room)
    url, crowd = suite.url, f"{room}.crowd"
    users = [f"u{i}-{room}" for i in range(CLIENTS)]
    tokens = {user: suite.dev_token(user) for user in users}
    before, stop = _pid(suite, "room"), asyncio.Event()
    watching = [asyncio.create_task(_longest_stillness(side, stop)) for side in sides]
    joins = [asyncio.create_task(_join_whatever_happens(suite, url, crowd, user, tokens[user])) for user in users]
    await asyncio.wait(joins, return_when=asyncio.FIRST_COMPLETED)
    os.kill(before, signal.SIGKILL)
    clients = await asyncio.gather(*joins)
    stop.set()
    assert max(await asyncio.gather(*watching)) < MAX_STILL_S, "the call's picture never stops"
    assert _pid(suite, "room") != before, "the supervisor started it again"

    events = suite.events(crowd)
    joined = [e for e in events if e["type"] == "room.user_joined.v1"]
    names = [e["data"]["userID"] for e in joined]
    assert sorted(names) == sorted(users), "each acknowledged login is there, once"
    histories = list[ClientHistory]()
    for user, (client, acknowledged) in zip(users, clients, strict=True):
        await client.wait_for(lambda frame: _seq(frame) >= int(events[-1]["seq"]))
        history = from_frames(user, crowd, client.frames)
        history.acknowledged.append(acknowledged)
        histories.append(history)
        await client.close()
    assert check(histories, from_views(events)) == []
