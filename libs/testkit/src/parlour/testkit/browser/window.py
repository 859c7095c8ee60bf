"""One browser window on the suite: what its engine called back, what its sockets carried, what its videos show.

The page stays as it is: a script that runs before it wraps the global `ZegoExpressEngine` as soon as the SDK defines it, and records
every callback in `window.__calls`. Waiting is always for a condition with a deadline, never for a time.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

from playwright.async_api import Browser, BrowserContext, Page, Route, WebSocket

PROBE = """
(() => {
  const names = ['roomStateChanged','roomStateUpdate','roomUserUpdate','roomStreamUpdate','publisherStateUpdate','playerStateUpdate',
    'publishQualityUpdate','playQualityUpdate','IMRecvBroadcastMessage','IMRecvBarrageMessage','IMRecvCustomCommand',
    'roomExtraInfoUpdate','streamExtraInfoUpdate','roomOnlineUserCountUpdate','tokenWillExpire','remoteCameraStatusUpdate','remoteMicStatusUpdate'];
  window.__calls = []; window.__engines = []; window.__peers = []; window.__marks = {};
  let real;
  Object.defineProperty(window, 'ZegoExpressEngine', {configurable: true, get: () => real, set(given) {
    real = class extends given {
      constructor(...args) {
        super(...args);
        window.__engines.push(this);
        for (const name of names) this.on(name, (...got) => window.__calls.push({name, args: got, at: performance.now()}));
      }
      loginRoom(...args) { window.__marks.login ??= performance.now(); return super.loginRoom(...args); }
    };
  }});
  const Peer = window.RTCPeerConnection;
  if (Peer) window.RTCPeerConnection = class extends Peer {
    constructor(...args) { super(...args); window.__peers.push(this); }
  };
})();
"""

DECODED = """async () => {
  let frames = 0, audio = 0;
  for (const peer of window.__peers) {
    if (peer.connectionState === 'closed') continue;
    (await peer.getStats()).forEach(s => {
      if (s.type !== 'inbound-rtp') return;
      if (s.kind === 'video') frames += s.framesDecoded || 0; else audio += s.totalSamplesReceived || 0;
    });
  }
  return {frames, audio};
}"""

PEERS = """() => window.__peers.map(peer => [peer.signalingState, peer.iceGatheringState, peer.connectionState,
  peer.localDescription ? 'offered' : 'nothing offered'].join(', '))"""


@dataclass
class Call:
    """One callback of the engine: its name and arguments, `at` in ms of the page's clock."""

    name: str
    args: list[Any]
    at: float


@dataclass
class Window:
    """A page and everything that was seen of it."""

    page: Page
    context: BrowserContext
    frames: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    dialogs: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])

    async def calls(self, name: str = "") -> list[Call]:
        """The engine's callbacks so far, of one name or all."""
        got = cast("list[dict[str, Any]]", await self.page.evaluate("window.__calls"))
        return [Call(c["name"], c["args"], c["at"]) for c in got if not name or c["name"] == name]

    async def until(self, condition: str, *, timeout_s: float = 20, what: str = "") -> None:
        """Waits until a JavaScript expression over `calls` (the callbacks) is true; says what was seen otherwise."""
        try:
            await self.page.wait_for_function(
                f"() => {{ const calls = window.__calls; return !!({condition}); }}",
                timeout=timeout_s * 1000,
                polling=50,
            )
        except Exception as error:
            seen = [(c.name, c.args) for c in await self.calls() if "Quality" not in c.name]
            raise AssertionError(
                f"waited in vain for {what or condition}; seen: {seen}; errors: {self.errors}; console: {self.said[-10:]}; "
                f"frames: {self.frames[-5:]}; peers: {await self.page.evaluate(PEERS)}"
            ) from error

    async def until_said(self, text: str, *, timeout_s: float = 20) -> None:
        """Waits until the page's console holds `text`, and leaves the page alone: whatever is evaluated in it counts as a user's touch."""
        deadline = time.monotonic() + timeout_s
        while not any(text in line for line in self.said):
            assert time.monotonic() < deadline, f"waited in vain for {text!r}; said: {self.said}; errors: {self.errors}"
            await asyncio.sleep(0.05)

    async def until_media(self, *, video: bool = True, audio: bool = False, timeout_s: float = 20) -> None:
        """Waits until what is decoded here rises twice in a row.

        It asks from here: Playwright's `wait_for_function` takes the promise of an asynchronous predicate for a yes.
        """
        deadline, before = time.monotonic() + timeout_s, await self.decoded()
        for _ in range(2):
            while not self._rises(before, now := await self.decoded(), video=video, audio=audio):
                if time.monotonic() > deadline:
                    raise AssertionError(f"media stands still: {before}, then {now}; errors: {self.errors}")
                await asyncio.sleep(0.1)
            before = now

    @staticmethod
    def _rises(before: dict[str, float], now: dict[str, float], *, video: bool, audio: bool) -> bool:
        wanted = [kind for kind, asked in (("frames", video), ("audio", audio)) if asked]
        return all(now[kind] > before[kind] for kind in wanted)

    async def decoded(self) -> dict[str, float]:
        """`frames` of video decoded and `audio` samples received over all peer connections of the page."""
        return cast("dict[str, float]", await self.page.evaluate(DECODED))

    async def screenshot(self, path: str) -> None:
        """The page as a person sees it."""
        await self.page.screenshot(path=path)

    async def close(self) -> None:
        """Closes the window like a user."""
        await self.context.close()


OpenWindow = Callable[..., Awaitable[Window]]
"""What the `window` fixture gives: `await window(url, html=None)`."""


async def open_window(
    browser: Browser, url: str, *, html: str | None = None, before: str = "", bypass_csp: bool = False
) -> Window:
    """Opens `url`; with `html` that address answers with it, so that any page can be tried on the suite's own origin.

    `before` is a script that runs before the page's own. `bypass_csp` lets the page connect to others than its own origin.
    """
    context = await browser.new_context(permissions=["camera", "microphone"], bypass_csp=bypass_csp)
    page = await context.new_page()
    window = Window(page, context)
    page.on("websocket", lambda socket: _watch(window, socket))
    page.on("pageerror", lambda error: window.errors.append(str(error)))
    page.on("console", lambda line: window.said.append(line.text))

    async def dismiss(dialog: Any) -> None:
        window.dialogs.append(dialog.message)
        await dialog.accept()

    page.on("dialog", dismiss)
    await page.add_init_script(PROBE)
    if before:
        await page.add_init_script(before)
    if html is not None:

        async def answer(route: Route) -> None:
            await route.fulfill(status=200, content_type="text/html; charset=utf-8", body=html)

        await page.route(url, answer)
    await page.goto(url)
    return window


def page_address(server: str, page: str, *, token: str, **query: str | int) -> str:
    """The address of one of the server's own pages. The token stands in the fragment, as in a link that one sends."""
    return f"{server}{page}?{urlencode(query)}#{urlencode({'token': token})}"


def _watch(window: Window, socket: WebSocket) -> None:
    def received(payload: str | bytes) -> None:
        window.frames.append(json.loads(payload))

    socket.on("framereceived", received)
