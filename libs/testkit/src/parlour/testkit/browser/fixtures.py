"""The fixtures of every test that opens browser windows on the whole suite; a `conftest.py` imports those that it gives to its tests.

One suite for all tests of a folder; the browser, the room and its users are each test's own.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from parlour.testkit.suite import Suite, running_suite

from .chromium import chromium
from .window import OpenWindow, Window, open_window

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
    """Opens windows in this test's Chromium."""

    async def opened(url: str, html: str | None = None) -> Window:
        return await open_window(browser, url, html=html)

    return opened


@pytest.fixture
def room() -> str:
    """A room name that no other test uses."""
    return f"room-{next(_numbers)}"
