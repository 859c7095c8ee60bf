"""Other people's clients on the whole suite. A client that is not on this machine is skipped, with what to install."""

import importlib.util
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from parlour.testkit.browser.firefox import Firefox, executable, firefox
from parlour.testkit.browser.fixtures import browser, room, suite, window

__all__ = ["browser", "fox", "room", "suite", "window"]


@pytest_asyncio.fixture
async def fox() -> AsyncIterator[Firefox]:
    """A Firefox of the test's own."""
    if executable() is None:
        pytest.skip("no Firefox here: install firefox-esr")
    if importlib.util.find_spec("marionette_driver") is None:
        pytest.skip("no marionette_driver here: install marionette-driver into .venv")
    async with firefox() as started:
        yield started
