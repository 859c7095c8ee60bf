"""The order in which handshakes of several owners may compute."""

import asyncio

from parlour.relay.adapters.dtls import HandshakeScheduler


async def test_owners_take_turns_whatever_each_has_waiting() -> None:
    turns, order = HandshakeScheduler(), list[str]()

    async def step(owner: str) -> None:
        await turns.wait_step(owner)
        order.append(owner)

    flood = [asyncio.create_task(step("flood")) for _ in range(100)]
    await asyncio.sleep(0)
    late = [asyncio.create_task(step("late")) for _ in range(2)]
    await asyncio.gather(*flood, *late)
    assert max(place for place, owner in enumerate(order) if owner == "late") < 8


async def test_the_loop_does_other_work_between_two_steps() -> None:
    turns, order = HandshakeScheduler(), list[str]()

    async def step() -> None:
        await turns.wait_step("owner")
        order.append("step")

    steps = [asyncio.create_task(step()) for _ in range(10)]
    for _ in range(10):
        await asyncio.sleep(0)
        order.append("other")
    await asyncio.gather(*steps)
    longest = max(len(run) for run in "".join(each[0] for each in order).split("o"))
    assert longest <= 1


async def test_a_turn_that_nobody_waits_for_any_more_is_passed_on() -> None:
    turns = HandshakeScheduler()
    waiting = [asyncio.create_task(turns.wait_step("owner")) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[1:4]:
        task.cancel()
    async with asyncio.timeout(5):
        await waiting[4]
        await turns.wait_step("owner")
