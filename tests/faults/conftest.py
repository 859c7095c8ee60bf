"""One suite with two of each service for the fault tests; `PARLOUR_FAULTS=all` takes the long forms and keeps the results."""

import random
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from parlour.testkit.browser.chromium import chromium
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.results import SEED
from parlour.testkit.suite import Suite, running_suite

SETTINGS = {
    "PARLOUR_ROOM_HEARTBEAT_WINDOW_S": "60",
    "PARLOUR_RECORD_WEBHOOK_NETWORKS": "127.0.0.0/8",
    "PARLOUR_RECORD_WEBHOOK_FIRST_RETRY_S": "0.2",
    "PARLOUR_RECORD_WEBHOOK_LONGEST_RETRY_S": "1",
    "PARLOUR_RECORD_WEBHOOK_LEASE_S": "2",
    "PARLOUR_RECORD_CHECKPOINT_S": "2",
    "PARLOUR_RECORD_KEEP_MONTHS": "1",
}
_numbers = count(1)


@pytest.fixture(scope="session")
def doubled() -> Iterator[Suite]:
    """The suite with two of every service but the relay."""
    with running_suite(SETTINGS, "--replicas", "2") as running:
        yield running


@pytest.fixture
def processes(doubled: Suite) -> Processes:
    """Its processes."""
    return Processes(str(doubled.status()["state_folder"]))


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium of the test's own."""
    async with chromium() as started:
        yield started


@pytest.fixture
def dice() -> random.Random:
    """Drawn from the run's seed, which is printed with a failure."""
    number = next(_numbers)
    print(f"PARLOUR_FAULTS_SEED={SEED} test {number}")
    return random.Random(f"{SEED}.{number}")
