"""Fixtures of the relay's interoperability tests."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.async_api import async_playwright

from parlour.testkit.harness.relay_node import CHROMIUM, FLAGS, PAGE_SCRIPT, Bench, Window, running_node


@pytest.fixture
async def bench() -> AsyncGenerator[Bench]:
    """A node of its own for each test."""
    async with running_node() as bench:
        yield bench


OpenWindow = Callable[..., Any]


@pytest.fixture
def chromium() -> str:
    """The browser's path, or a failure that says what to do."""
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: install the chromium package")
    return CHROMIUM


@pytest.fixture
async def open_window(chromium: str) -> AsyncGenerator[OpenWindow]:
    """`await open_window(bench, owner)`: a page in a context of its own; `reroute` changes the answers that it gets."""
    script = PAGE_SCRIPT.read_text()
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=FLAGS)

        async def open_one(bench: Bench, owner: str, reroute: Callable[[str], str] = str) -> Window:
            context = await browser.new_context()
            page = await context.new_page()

            async def negotiate(text: str) -> dict[str, str]:
                wish = msgspec.json.decode(text)
                answer = bench.negotiate(
                    wish["sdp"],
                    owner=owner,
                    transport_id=wish.get("transport", ""),
                    publish=tuple(wish["publish"]) if wish.get("publish") else None,
                    play=tuple(wish["play"]) if wish.get("play") else None,
                    codec=wish.get("codec", ""),
                )
                return {"transport": answer.transport_id, "sdp": reroute(answer.sdp)}

            async def blank(route: Any) -> None:
                await route.fulfill(body="<!doctype html><html><body></body></html>", content_type="text/html")

            await page.route("**/*", blank)
            await page.expose_function("negotiate", negotiate)
            await page.goto("http://localhost:1/")
            await page.add_script_tag(content=script)
            return Window(page)

        yield open_one
        await browser.close()
