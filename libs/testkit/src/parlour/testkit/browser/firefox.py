"""Firefox with its fake camera and microphone, driven by Marionette: no geckodriver, no WebDriver server.

Marionette's client blocks, so that each call takes a thread; a window of a test is one browser.
"""

import asyncio
import importlib
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from parlour.testkit.browser.window import DECODED, PROBE

PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.loopback": True,
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
}
NAMES = ("firefox-esr", "firefox")

WRAP = (
    """
const real = window.ZegoExpressEngine;
"""
    + PROBE
    + """
window.ZegoExpressEngine = real;
"""
)
"""The probe of Chromium's windows, put on a page that has its engine's class but no engine yet."""


def executable() -> str | None:
    """Firefox, or None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Firefox:
    """One browser window."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def goto(self, url: str) -> None:
        """Opens the address."""
        await asyncio.to_thread(self._driver.navigate, url)

    async def run(self, script: str, *arguments: Any) -> Any:
        """A function's body; its return value."""
        return await asyncio.to_thread(self._driver.execute_script, script, arguments, sandbox=None)

    async def until(self, condition: str, *, timeout_s: float = 30, what: str = "") -> None:
        """Waits in the page until an expression is true; says what the page shows otherwise."""
        script = """
            const [condition, done] = arguments; const test = new Function('return (' + condition + ')');
            const look = async () => { let got; try { got = await test(); } catch {} got ? done(true) : setTimeout(look, 50); };
            look();
        """
        try:
            async with asyncio.timeout(timeout_s + 10):
                await asyncio.to_thread(
                    self._driver.execute_async_script,
                    script,
                    (condition,),
                    sandbox=None,
                    script_timeout=int(timeout_s * 1000),
                )
        except Exception as error:
            log = await self.run("return document.body.innerText")
            raise AssertionError(f"waited in vain for {what or condition}; the page says: {log}") from error

    async def decodes(self, codec: str) -> bool:
        """Whether this build has the codec."""
        listed = "RTCRtpReceiver.getCapabilities('video').codecs.some(c => c.mimeType === arguments[0])"
        return bool(await self.run(f"return {listed};", f"video/{codec}"))

    async def probe(self) -> None:
        """Sees the engine's callbacks and the page's peer connections from now on."""
        await self.run(WRAP)

    async def until_called(self, condition: str, *, timeout_s: float = 30, what: str = "") -> None:
        """A condition over the engine's `calls`, as a Chromium window has it."""
        await self.until(f"(calls => {condition})(window.__calls)", timeout_s=timeout_s, what=what)

    async def until_media(self, *, timeout_s: float = 30) -> None:
        """Pictures and sound that are decoded here rise twice in a row."""
        for _ in range(2):
            before = await self.decoded()
            rises = f"now.frames > {before['frames']} && now.audio > {before['audio']}"
            await self.until(f"({DECODED})().then(now => {rises})", timeout_s=timeout_s, what=f"more than {before}")

    async def decoded(self) -> dict[str, float]:
        """See `Window.decoded`."""
        script = f"const done = arguments[0]; ({DECODED})().then(done);"
        return await asyncio.to_thread(self._driver.execute_async_script, script, (), sandbox=None)


@asynccontextmanager
async def firefox() -> AsyncGenerator[Firefox]:
    """A browser of its own, gone after the block."""
    with tempfile.TemporaryDirectory(prefix="parlour-firefox-") as folder:
        driver = await asyncio.to_thread(_start, folder)
        try:
            yield Firefox(driver)
        finally:
            await asyncio.to_thread(_stop, driver)


def _start(folder: str) -> Any:
    marionette = importlib.import_module("marionette_driver.marionette")
    # a folder: a file by name would be removed first, whatever it is
    driver = marionette.Marionette(
        bin=executable(), port=0, headless=True, prefs=PREFERENCES, startup_timeout=60, gecko_log=folder,
        workspace=folder,
    )  # fmt: skip
    driver.start_session()
    return driver


def _stop(driver: Any) -> None:
    try:
        driver.quit(in_app=True)
    finally:
        driver.cleanup()
