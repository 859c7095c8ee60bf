"""Waiting returns the first true value, and fails with what was waited for."""

import asyncio
from itertools import count

import pytest

from parlour.testkit.waiting import eventually, wait_until


async def test_the_first_true_value_is_returned() -> None:
    numbers = count()
    assert await eventually(lambda: next(numbers), poll_s=0) == 1

    async def found() -> str:
        return "it"

    assert await eventually(found) == "it"
    assert wait_until(lambda: next(numbers), "a number", poll_s=0) == 2


async def test_what_was_waited_for_is_named() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 s: a bird"):
        await eventually(lambda: False, "a bird", timeout_s=0.01, poll_s=0)
    with pytest.raises(AssertionError, match="a fish"):
        wait_until(lambda: None, "a fish", timeout_s=0.01, poll_s=0)


async def test_a_timeout_of_the_condition_itself_is_passed_on() -> None:
    async def late() -> bool:
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
        return True

    with pytest.raises(TimeoutError):
        await eventually(late)
