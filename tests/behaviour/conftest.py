"""Each test of this folder runs twice: against memory and against a real server."""

from collections.abc import AsyncIterator

import pytest

from parlour.kernel.log import EventLog
from parlour.runtime.postgres import PostgresLog, PostgresUserKeyStore, create_pool
from parlour.testkit.log import MemoryLog
from parlour.testkit.user_keys import MemoryUserKeyStore


@pytest.fixture(params=["memory", "postgres"])
def address(request: pytest.FixtureRequest) -> str:
    """Of the database, empty for memory."""
    return "" if request.param == "memory" else request.getfixturevalue("postgres")


@pytest.fixture
async def log(address: str) -> AsyncIterator[EventLog]:
    if not address:
        yield MemoryLog()
        return
    async with await create_pool(address, name="behaviour", max_size=8) as pool:
        yield PostgresLog(pool)


@pytest.fixture
async def people(address: str) -> AsyncIterator[MemoryUserKeyStore | PostgresUserKeyStore]:
    if not address:
        yield MemoryUserKeyStore()
        return
    async with await create_pool(address, name="behaviour") as pool:
        yield PostgresUserKeyStore(pool, bytes(range(32)))
