"""The relay dies: publishers and players come back by themselves, under the same stream ids, and the page is told as it should be."""

import asyncio
import time

import pytest
from playwright.async_api import Browser

from parlour.testkit.faults.call import Call
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.results import ALL, note
from parlour.testkit.suite import Suite

BACK_S = 5.0
PAUSE_S = 30.0
AFTER_PAUSE_S = 10.0
"""A page that has asked in vain for half a minute asks every four seconds, and then the call is made anew."""
REQUESTING = {"publisherStateUpdate": "PUBLISH_REQUESTING", "playerStateUpdate": "PLAY_REQUESTING"}
ACTIVE = {"publisherStateUpdate": "PUBLISHING", "playerStateUpdate": "PLAYING"}


@pytest.mark.parametrize("how", ["kill", pytest.param("restart", marks=pytest.mark.skipif(not ALL, reason="long"))])
async def test_media_is_back_within_five_seconds(
    doubled: Suite, processes: Processes, browser: Browser, how: str
) -> None:
    tokens = {user: doubled.dev_token(user) for user in (f"{how}-ann", f"{how}-bob")}
    room = f"relay-{how}"
    call = await Call.begin(browser, doubled.urls, doubled.app_id, room, tokens)
    before = [len(await side.calls()) for side in call.sides]
    await call.anew()
    began, dead = time.monotonic(), getattr(processes, how)("relay")
    for side, count in zip(call.sides, before, strict=True):
        for name in REQUESTING:
            for state in (REQUESTING[name], ACTIVE[name]):
                told = f"calls.slice({count}).some(c => c.name === '{name}' && c.args[0].state === '{state}')"
                await side.until(told, what=state)
        await side.until_media()
    took_s = time.monotonic() - began
    assert processes.pid("relay") != dead
    still_s = await call.stillness_s()
    note(f"relay_{how}", {"still_s": round(still_s, 2), "all_seen_again_s": round(took_s, 2)})
    assert still_s < BACK_S, f"all was back after {took_s:.1f} s"
    events = doubled.events(room)
    added = [event["data"]["streamID"] for event in events if event["type"] == "stream.added.v1"]
    updated = {event["data"]["streamID"] for event in events if event["type"] == "stream.updated.v1"}
    assert len(added) == 2, "the streams kept their ids"
    assert updated == set(added), "and moved to another transport"
    assert not [event for event in events if event["type"] == "stream.removed.v1"]
    for side, count in zip(call.sides, before, strict=True):
        codes = {
            c.args[0]["state"]: c.args[0]["errorCode"] for c in (await side.calls())[count:] if c.name in REQUESTING
        }
        assert codes["PUBLISH_REQUESTING"] != 0
        assert codes["PLAY_REQUESTING"] != 0
        assert codes["PUBLISHING"] == codes["PLAYING"] == 0


@pytest.mark.skipif(not ALL, reason="only by `make faults`: it takes half a minute")
async def test_media_is_back_after_the_relay_stood_still(
    doubled: Suite, processes: Processes, browser: Browser
) -> None:
    room, users = "relay-pause", ("pause-ann", "pause-bob")
    call = await Call.begin(
        browser, doubled.urls, doubled.app_id, room, {user: doubled.dev_token(user) for user in users}
    )
    async with processes.stopped("relay"):
        await asyncio.sleep(PAUSE_S)
    began = time.monotonic()
    await call.still_up()
    took_s = time.monotonic() - began
    note("relay_pause", {"stopped_s": PAUSE_S, "all_seen_again_s": round(took_s, 2)})
    assert took_s < AFTER_PAUSE_S
    live: set[str] = set()
    for event in doubled.events(room):  # what stood still for too long was taken away; it comes back under its own name
        if event["type"] == "stream.added.v1":
            live.add(event["data"]["streamID"])
        elif event["type"] == "stream.removed.v1":
            live.remove(event["data"]["streamID"])
    assert len(live) == 2
    assert {event["data"]["streamID"] for event in doubled.events(room) if event["type"] == "stream.added.v1"} == live
