"""Endless work is begun again when the log or NATS was away, after pauses that grow."""

import asyncio

import pytest

from parlour.kernel.log import LogUnavailable
from parlour.record.app.pacing import LONGEST_PAUSE_S, restart_forever


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


async def test_pauses_grow_to_their_longest_and_each_failure_is_told(pauses: list[float]) -> None:
    failures: list[Exception] = []
    errors: list[Exception] = [
        LogUnavailable("away"),
        *(ConnectionError(str(n)) for n in range(8)),
        ValueError("a fault"),
    ]
    given = iter(errors)

    async def work() -> None:
        raise next(given)

    with pytest.raises(ValueError, match="a fault"):
        await restart_forever(work, failures.append, lambda: 1.0)
    assert failures == errors[:-1]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.2, LONGEST_PAUSE_S)


async def test_chance_shortens_a_pause_by_up_to_a_half(pauses: list[float]) -> None:
    given = iter([LogUnavailable("away"), ValueError()])

    async def work() -> None:
        raise next(given)

    with pytest.raises(ValueError):
        await restart_forever(work, lambda error: None, lambda: 0.0)
    assert pauses == [0.1]


async def test_a_cancellation_ends_it_though_a_task_of_the_work_fails_at_the_same_moment() -> None:
    """A TaskGroup of Python 3.11 raises its task's error then, and not the cancellation."""
    begun, rounds = asyncio.Event(), 0

    async def fail_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LogUnavailable("away")

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail_when_cancelled())
                begun.set()
                await asyncio.Event().wait()
        except* LogUnavailable as away:
            raise LogUnavailable("the work") from away

    task = asyncio.create_task(restart_forever(work, lambda error: None, lambda: 0.0))
    await begun.wait()
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()
    assert rounds == 1
