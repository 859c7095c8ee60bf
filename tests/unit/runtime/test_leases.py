"""A lease's block ends with what ended it: the loss of the connection, or a cancellation."""

import asyncio

import pytest

from parlour.runtime.background import leases


class LostWhenCancelled:
    """A connection whose statement waits, and fails as if the server closed the connection when it is cancelled."""

    async def fetchval(self, statement: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionResetError from None


async def test_a_cancellation_passes_though_the_connection_is_lost_at_the_same_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "CHECK_S", 0.0)
    begun = asyncio.Event()

    async def work() -> None:
        async with leases._while_alive(LostWhenCancelled()):
            await asyncio.sleep(0)
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()
