"""One suite and one browser for all end-to-end tests; rooms and users are each test's own."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.window import OpenWindow, Window, open_window
from parlour.testkit.suite import Suite, running_suite

_numbers = count(1)


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    """The whole suite, up."""
    with running_suite() as running:
        yield running


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium of the test's own."""
    async with chromium() as started:
        yield started


@pytest.fixture
def window(browser: Browser) -> OpenWindow:
    """Opens windows in this test's browser."""

    async def opened(url: str, html: str | None = None) -> Window:
        return await open_window(browser, url, html=html)

    return opened


@pytest.fixture
def room() -> str:
    """A room name that no other test uses."""
    return f"room-{next(_numbers)}"
