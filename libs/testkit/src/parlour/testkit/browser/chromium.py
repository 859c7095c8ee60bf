"""Chromium with a fake camera and microphone, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=30, device-count=2",
    "--use-fake-ui-for-media-stream",
    # a page that Playwright serves has no address of its own, so the browser would ask before it lets it reach loopback
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,BlockInsecurePrivateNetworkRequests",
)
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"


def executable() -> str:
    """Where Chromium is: PARLOUR_CHROMIUM, else the first of the usual names. RuntimeError with the way out."""
    chosen = os.environ.get("PARLOUR_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chosen:
        raise RuntimeError("no Chromium here: run `make browser`, or set PARLOUR_CHROMIUM to one")
    return chosen


@asynccontextmanager
async def chromium(*, autoplay: bool = True, extra: tuple[str, ...] = (), program: str = "") -> AsyncGenerator[Browser]:
    """One browser; a context of its own for each window keeps users apart. `program` stands in for Chromium's own."""
    arguments = [*ARGUMENTS, *([AUTOPLAY] if autoplay else []), *extra]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program or executable(), args=arguments)
        try:
            yield browser
        finally:
            await browser.close()
