"""A call of two browser windows, with a watch in each page on how long its picture stood still."""

import json
from dataclasses import dataclass
from typing import cast

from playwright.async_api import Browser

from parlour.testkit.browser.conditions import CONNECTED, STREAM_ADDED
from parlour.testkit.browser.window import Window, open_window, page_address

WATCH = """() => {
  const began = performance.now();
  const seen = window.__still = {frames: -1, at: began, longest: 0, taken: -1, since: began, own: 0, tick: began};
  window.setInterval(async () => {
    let frames = 0, taken = 0;
    for (const peer of window.__peers) {
      if (peer.connectionState === 'closed') continue;
      (await peer.getStats()).forEach(s => {
        if (s.type === 'inbound-rtp' && s.kind === 'video') frames += s.framesDecoded || 0;
        if (s.type === 'media-source' && s.kind === 'video') taken += s.frames || 0;
      });
    }
    const now = performance.now();
    seen.longest = Math.max(seen.longest, now - seen.at);
    seen.own = Math.max(seen.own, now - seen.since, now - seen.tick);
    seen.tick = now;
    if (frames !== seen.frames && frames > 0) { seen.frames = frames; seen.at = now; }
    if (taken !== seen.taken) { seen.taken = taken; seen.since = now; }
  }, 100);
}"""
SERVERS = """(() => {
  const {get, set} = Object.getOwnPropertyDescriptor(window, 'ZegoExpressEngine');
  Object.defineProperty(window, 'ZegoExpressEngine', {configurable: true, get, set(given) {
    given.setEngineOptions({server: SERVERS});
    set(given);
  }});
})();"""
"""Names the gateways of every engine of the page, as an application does that knows of several; the page itself only knows its own, and
its content policy allows no other."""
ANEW = """() => {
  const now = performance.now();
  Object.assign(window.__still, {longest: 0, at: now, own: 0, since: now, tick: now});
}"""


@dataclass
class Call:
    """Both see and hear each other."""

    sides: tuple[Window, Window]

    @classmethod
    async def begin(cls, browser: Browser, urls: list[str], app: int, room: str, tokens: dict[str, str]) -> "Call":
        """Two users, each on another gateway where there are two, with all gateways to fall back on."""
        sides: list[Window] = []
        for turn, (user, token) in enumerate(tokens.items()):
            mine = [*urls[turn % len(urls) :], *urls[: turn % len(urls)]]
            url = page_address(mine[0], "/demo/video", token=token, room=room, user=user, app=app)
            sides.append(
                await open_window(browser, url, before=SERVERS.replace("SERVERS", json.dumps(mine)), bypass_csp=True)
            )
        for side in sides:
            await side.until(STREAM_ADDED)
            await side.until_media()
            await side.page.evaluate(WATCH)
        return cls((sides[0], sides[1]))

    async def until_connected(self, timeout_s: float) -> None:
        """Waits until both are connected to a gateway."""
        for side in self.sides:
            await side.until(CONNECTED, timeout_s=timeout_s, what="a connection")

    async def anew(self) -> None:
        """Measures stillness from now on."""
        for side in self.sides:
            await side.page.evaluate(ANEW)

    async def stillness_s(self) -> float:
        """The longest time for which a picture stood still since `anew`."""
        return max(await self._measured("longest"))

    async def beyond_machine_s(self) -> float:
        """The same, less the longest time for which a page or its own camera stood still: a machine that is too busy for its browser
        tells nothing of the call. What the network does never stops a camera.
        """
        return max(0.0, max(await self._measured("longest")) - max(await self._measured("own")))

    async def _measured(self, what: str) -> list[float]:
        return [cast("float", await side.page.evaluate(f"window.__still.{what}")) / 1000 for side in self.sides]

    async def still_up(self) -> None:
        """Both pictures move now."""
        for side in self.sides:
            await side.until_media()
