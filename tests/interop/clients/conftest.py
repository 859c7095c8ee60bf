"""Other people's clients on the whole suite. A client that is not on this machine is skipped, with what to install."""

import importlib.util
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.browser.window import OpenWindow, Window, open_window
from parlour.testkit.suite import Suite, running_suite

sys.path.insert(0, str(Path(__file__).parent))

from firefox import Firefox, executable, firefox

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


@pytest_asyncio.fixture
async def fox() -> AsyncIterator[Firefox]:
    """A Firefox of the test's own."""
    if executable() is None:
        pytest.skip("no Firefox here: install firefox-esr")
    if importlib.util.find_spec("marionette_driver") is None:
        pytest.skip("no marionette_driver here: install marionette-driver into .venv")
    async with firefox() as started:
        yield started


@pytest.fixture
def room() -> str:
    """A room name that no other test uses."""
    return f"clients-{next(_numbers)}"
