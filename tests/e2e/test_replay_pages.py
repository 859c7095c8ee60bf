"""A call that is over, looked at again: in the SDK, on the debug page's slider, and as a timeline."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.window import OpenWindow, Window, open_window
from parlour.testkit.suite import Suite

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>call</title><script src="/sdk/ZegoExpressWebRTC-3.12.0.js"></script>"""
TOLD = """['roomUserUpdate','roomStreamUpdate','remoteCameraStatusUpdate','remoteMicStatusUpdate','roomExtraInfoUpdate',
  'streamExtraInfoUpdate','IMRecvBroadcastMessage','IMRecvBarrageMessage','IMRecvCustomCommand']"""
A_CALL = """async ({appID, roomID, tokens}) => {
  const heard = [];
  const until = async (holds) => {
    const end = performance.now() + 30000;
    while (!holds()) {
      if (performance.now() > end) throw new Error(`waited in vain for ${holds}; heard ${JSON.stringify(heard)}`);
      await new Promise((next) => setTimeout(next, 20));
    }
  };
  const enter = async (userID) => {
    const zg = new ZegoExpressEngine(appID, '');
    await zg.loginRoom(roomID, tokens[userID], {userID, userName: userID.toUpperCase()}, {userUpdate: true});
    return zg;
  };
  const wall = new ZegoExpressEngine(appID, '');
  for (const name of TOLD) wall.on(name, (...args) => heard.push([name, ...args]));
  const hears = (name) => until(() => heard.some((one) => one[0] === name));
  await wall.loginRoom(roomID, tokens.wall, {userID: 'wall', userName: 'WALL'}, {userUpdate: true});
  const [ann, bob] = [await enter('ann'), await enter('bob')];
  const camera = await ann.createZegoStream();
  ann.startPublishingStream(roomID + '-cam', camera, {extraInfo: 'first'});
  await hears('roomStreamUpdate');
  await bob.startPlayingStream(roomID + '-cam');
  ann.mutePublishStreamAudio(camera, true);
  await hears('remoteMicStatusUpdate');
  await bob.sendBroadcastMessage(roomID, 'good morning');
  await ann.sendBarrageMessage(roomID, 'hello');
  await bob.sendCustomCommand(roomID, 'wave', []);
  await bob.setRoomExtraInfo(roomID, 'topic', 'tea');
  await ann.setStreamExtraInfo(roomID + '-cam', 'second');
  await hears('streamExtraInfoUpdate');
  const again = await enter('bob');
  await until(() => heard.filter((one) => one[0] === 'roomUserUpdate' && one[3][0].userID === 'bob').length === 3);
  await ann.logoutRoom();
  await until(() => heard.some((one) => one[0] === 'roomStreamUpdate' && one[2] === 'DELETE'));
  await again.logoutRoom();
  await until(() => heard.filter((one) => one[0] === 'roomUserUpdate' && one[2] === 'DELETE').length === 3);
  await wall.logoutRoom();
  return heard;
}""".replace("TOLD", TOLD)
AGAIN = """async ({appID, roomID, token}) => {
  const heard = [], zg = new ZegoExpressEngine(appID, '');
  for (const name of TOLD) zg.on(name, (...args) => heard.push([name, ...args]));
  const ended = new Promise((done) => zg.on('parlourReplay', (_, {state}) => state === 'ENDED' && done()));
  const replay = await zg.replayRoom(roomID, {token, speed: 1000});
  await ended;
  return {heard, users: replay.users, streams: replay.streams};
}""".replace("TOLD", TOLD)


class Call(NamedTuple):
    """A call that took place: what somebody in it heard, and a token to read of it."""

    room: str
    heard: list[Any]
    token: str


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests here: they only look."""
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def call(suite: Suite, browser: Browser) -> Call:
    """One call for all tests: three people, a stream, messages of each kind, one put out by a second login."""
    room = "tea-time"
    window = await open_window(browser, f"{suite.url}/bare", html=PAGE)
    heard = await window.page.evaluate(A_CALL, {"appID": suite.app_id, "roomID": room, "tokens": tokens(suite)})
    await window.close()
    return Call(room, heard, reader(suite, room))


def tokens(suite: Suite) -> dict[str, str]:
    """To log in with."""
    return {user: suite.dev_token(user) for user in ("wall", "ann", "bob")}


def reader(suite: Suite, room: str) -> str:
    """To read with."""
    scopes = ("--scope", "events", "--scope", "history")
    return suite.run("token", "--subscribe", "--room", room, *scopes).stdout.strip()


async def open_reading(browser: Browser, suite: Suite, call: Call, path: str) -> Window:
    """A page whose tab holds the token already."""
    keep = f"sessionStorage.setItem('parlour.reader', {json.dumps(call.token)});"
    return await open_window(browser, f"{suite.url}{path}", before=keep)


async def texts(window: Window, selector: str) -> list[str]:
    """What the elements say."""
    return [text.strip() for text in await window.page.locator(selector).all_inner_texts()]


async def jump(page: Window, position: str) -> None:
    """To an event, by its number."""
    await page.page.fill("#replay-seq", position.split(".")[1])
    await page.page.press("#replay-seq", "Enter")


async def test_a_replay_calls_back_what_somebody_in_the_call_heard(
    suite: Suite, call: Call, window: OpenWindow
) -> None:
    page = await window(f"{suite.url}/bare", PAGE)
    ask = {"appID": suite.app_id, "roomID": call.room, "token": call.token}
    again = await page.page.evaluate(AGAIN, ask)
    of_wall = [one for one in again["heard"] if one[0] == "roomUserUpdate" and one[3][0]["userID"] == "wall"]
    assert [one[2] for one in of_wall] == ["ADD", "DELETE"]
    assert [one for one in again["heard"] if one not in of_wall] == call.heard
    assert {one[0] for one in call.heard} >= {"IMRecvBroadcastMessage", "IMRecvCustomCommand", "streamExtraInfoUpdate"}
    assert (again["users"], again["streams"]) == ([], [])


async def test_the_debug_page_shows_any_moment(suite: Suite, call: Call, browser: Browser) -> None:
    events = suite.events(call.room)
    at = {event["type"]: f"{event['roomUID']}.{event['seq']}.{event['hash'][:16]}" for event in events}
    page = await open_reading(browser, suite, call, f"/debug?replay={at['stream.added.v1']}")
    await page.page.select_option("#replay-speed", "100")
    await page.page.wait_for_function("() => document.querySelector('#state').textContent === 'replay ended'")
    assert await texts(page, "#replay-people li") == ["nobody"]
    said = ["command BOB wave", "barrage ANN hello", "broadcast BOB good morning"]
    assert [line.split(" ", 1)[1] for line in await texts(page, "#replay-messages li")] == said
    await jump(page, at["stream.mutes_changed.v1"])
    assert await texts(page, "#replay-people li") == ["WALL", "ANN", "BOB"]
    (stream,) = await texts(page, "#replay-streams .one")
    assert stream.splitlines()[0] == "ANN"
    assert "microphone muted" in stream
    assert "camera open" in stream
    assert await texts(page, "#replay-messages li") == []
    await jump(page, at["room.opened.v1"])
    assert await texts(page, "#replay-people li") == ["nobody"]
    await page.page.click("#replay-play")
    await page.page.wait_for_function("() => document.querySelector('#state').textContent === 'replay ended'")
    assert len(await texts(page, "#events li")) >= len(events) - 2
    assert call.token not in page.page.url
    assert not page.errors


async def test_history_draws_a_call_and_tells_any_moment(suite: Suite, call: Call, browser: Browser) -> None:
    page = await open_reading(browser, suite, call, "/history")
    await page.page.wait_for_selector("#calls tr[data-uid]")
    (row,) = await texts(page, "#calls tr[data-uid]")
    assert row.split("\t")[0] == call.room
    await page.page.click("#calls button")
    await page.page.wait_for_selector("#timeline svg")
    assert sorted(await page.page.locator("#timeline .name").all_text_contents()) == ["ANNANN", "BOBBOB", "WALLWALL"]
    counts = {
        kind: await page.page.locator(f"#timeline .{kind}").count() for kind in ("session", "stream", "message", "kick")
    }
    assert counts == {"session": 4, "stream": 1, "message": 3, "kick": 1}
    picture = await page.page.locator("#timeline svg").bounding_box()
    assert picture
    await page.page.click("#timeline svg", position={"x": 152, "y": picture["height"] - 10})
    await page.page.wait_for_selector("#moment:not([hidden])")
    assert await texts(page, "#moment-people li") in (["nobody"], ["WALL"])
    await page.page.click("#play-here")
    await page.page.wait_for_selector("#replay-streams")
    await page.page.wait_for_function("() => document.querySelector('#replay-day').textContent !== ''")
    assert not page.errors


async def test_history_names_the_files_of_archived_calls(suite: Suite, call: Call, browser: Browser) -> None:
    page = await open_reading(browser, suite, call, "/history")
    await page.page.wait_for_selector("#calls tr[data-uid]")
    archived = [{"month": "2026-08", "file": "parlour-2026-08.1.jsonl", "calls": 12}]
    answer = {"calls": [], "archived": archived}
    await page.page.route(re.compile(r"/v1/calls(\?|$)"), lambda route: route.fulfill(json=answer))
    await page.page.click("#find")
    await page.page.wait_for_selector("#calls tr:not([data-uid])")
    assert await texts(page, "#calls tr") == ["12 calls begun in 2026-08: archived in parlour-2026-08.1.jsonl"]
    assert not page.errors


async def test_history_marks_what_a_stream_lost(suite: Suite, call: Call, browser: Browser) -> None:
    """The points are made here: a call of seconds has one at the most, and nothing is lost on this machine."""
    page = await open_reading(browser, suite, call, "/history")
    await page.page.wait_for_selector("#calls tr[data-uid]")
    at = await page.page.evaluate(
        """async () => {
          const { read } = await import('/assets/reader.js');
          return (await read(`/v1/calls/${document.querySelector('#calls tr').dataset.uid}/timeline`)).streams[0].addedAt;
        }"""
    )
    point = {"tookMs": 10_000, "streamID": f"{call.room}-cam", "kind": "video", "side": "publisher", "userID": "ann"}
    losses = [(0, None), (1, 0.01), (2, 0.05), (3, 0.3)]
    points = [{**point, "at": at + n * 100_000, "bitrateBps": 500_000, "loss": loss} for n, loss in losses]
    points.append({**points[3], "side": "player", "loss": 0.02, "userID": "bob"})
    await page.page.route("**/quality*", lambda route: route.fulfill(json={"points": points}))
    await page.page.click("#calls button")
    await page.page.wait_for_selector("#timeline svg")
    classes = await page.page.locator("#timeline .quality").evaluate_all(
        "nodes => nodes.map((node) => node.classList[1])"
    )
    assert classes == ["good", "good", "fair", "bad"]
    told = await page.page.locator("#timeline .quality.bad title").text_content()
    assert told
    assert told.endswith("500 kbit/s, 30.0 % lost (video, publisher ann)")
    assert not page.errors


@pytest.mark.parametrize("path", ["/history", "/debug?replay=0190a1b2-0000-7000-8000-000000000001&room=nowhere"])
async def test_a_token_that_may_not_is_refused_in_words(suite: Suite, browser: Browser, path: str) -> None:
    stranger = Call("elsewhere", [], reader(suite, "elsewhere") + "x")
    page = await open_reading(browser, suite, stranger, path)
    place = "#problem:not([hidden])" if path == "/history" else "#log .bad"
    await page.page.wait_for_selector(place)
    assert "token" in (await page.page.inner_text(place)).lower()
    assert not page.errors
