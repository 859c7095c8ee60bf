"""From loginRoom to LOGINED and to the first remote frame, in Chromium on loopback.

One window publishes all the time; another logs in, plays its stream and logs out, again and again, each time in a new page. Times are the
player page's own clock: from the call of loginRoom to the LOGINED callback, and to the first frame that its video element presents.

    python bench/browser/run.py [--joins 30]
"""

import argparse
import asyncio
import sys
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Browser

from parlour.testkit.benchmarks.machine import keep, percentiles
from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.conditions import PUBLISHING
from parlour.testkit.browser.window import open_window
from parlour.testkit.suite import Suite, running_suite

PLAYER = """<!DOCTYPE html><html><body><div id="remote"></div><script src="/sdk/ZegoExpressWebRTC-3.12.0.js"></script></body></html>"""
JOIN = """async ([app, room, user, token]) => {
  const zg = new ZegoExpressEngine(app, '');
  const seen = {};
  const frame = new Promise(resolve => zg.on('roomStreamUpdate', async (_, kind, list) => {
    if (kind !== 'ADD') return;
    seen.added = performance.now();
    const media = await zg.startPlayingStream(list[0].streamID);
    seen.playing = performance.now();
    zg.createRemoteStreamView(media).play('remote');
    const look = () => {
      const video = document.querySelector('#remote video');
      if (!video) return requestAnimationFrame(look);
      video.requestVideoFrameCallback(now => resolve(now));
    };
    look();
  }));
  zg.on('roomStateChanged', (_, reason) => { if (reason === 'LOGINED') seen.logined ??= performance.now(); });
  const start = performance.now();
  await zg.loginRoom(room, token, {userID: user}, {userUpdate: true});
  const first = await frame;
  zg.logoutRoom(room);
  return {logined: seen.logined - start, added: seen.added - start, answered: seen.playing - start, frame: first - start};
}"""


async def join_once(browser: Browser, suite: Suite, room: str, user: str) -> dict[str, float]:
    """One join in a fresh page; milliseconds."""
    window = await open_window(browser, f"{suite.url}/bench-player", html=PLAYER)
    try:
        token = await asyncio.to_thread(suite.dev_token, user)
        return await window.page.evaluate(JOIN, [suite.app_id, room, user, token])
    finally:
        await window.close()


async def measure(suite: Suite, joins: int) -> dict[str, Any]:
    """All joins, one after another."""
    room = "bench-room"
    async with chromium() as browser:
        query = {
            "room": room,
            "user": "publisher",
            "token": suite.dev_token("publisher"),
            "app": suite.app_id,
            "auto": 1,
        }
        publisher = await open_window(browser, f"{suite.url}/demo/video?{urlencode(query)}")
        await publisher.until(PUBLISHING)
        samples = [await join_once(browser, suite, room, f"player-{i}") for i in range(joins + 2)][2:]
    return {name: percentiles([row[name] for row in samples]) for name in samples[0]} | {"samples": samples}


def main() -> int:
    """Runs, prints, keeps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--joins", type=int, default=30)
    arguments = parser.parse_args()
    with running_suite() as suite:
        found = asyncio.run(measure(suite, arguments.joins))
    for name, label in (("logined", "loginRoom to LOGINED"), ("frame", "loginRoom to first remote frame")):
        print(f"{label}: p50 {found[name]['p50']} ms, p99 {found[name]['p99']} ms")
    print(f"kept in {keep('browser', {'milliseconds': found, 'joins': arguments.joins})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
