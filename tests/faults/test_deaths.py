"""Every process dies, stands still and is restarted while a crowd sends and a call is up."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fault_record import verdict
from fault_results import ALL, SEED, note
from playwright.async_api import Browser

from parlour.testkit.faults.call import Call
from parlour.testkit.faults.crowd import Crowd
from parlour.testkit.faults.processes import Processes
from parlour.testkit.suite import Suite

CROWD = 128
IN_FLIGHT = 100
STILL_S = 2.0
PAUSE_S = 30.0 if ALL else 6.0
SETTLE_S = 40.0
SERVICES = ("auth", "room", "registry", "im", "record", "gateway-2")
SERVERS = ("nats", "postgres")
"""Of each pair of services one dies; the browsers' gateway of the second window among them."""


class Ground:
    """A crowd that sends, a call that is up, and the processes to hurt."""

    def __init__(self, suite: Suite, processes: Processes, crowd: Crowd, call: Call) -> None:
        self.suite = suite
        self.processes = processes
        self.crowd = crowd
        self.call = call


@pytest_asyncio.fixture
async def ground(doubled: Suite, processes: Processes, browser: Browser, dice: random.Random) -> AsyncIterator[Ground]:
    """Both begun, and ended."""
    urls, name = doubled.urls, f"deaths{dice.randrange(1 << 30)}"
    tokens = {user: doubled.dev_token(user) for user in (f"{name}-ann", f"{name}-bob")}
    call = await Call.begin(browser, urls, doubled.app_id, f"{name}.call", tokens)
    crowd = Crowd(urls, doubled.app_id, name, CROWD, doubled.dev_token, dice)
    try:
        await crowd.enter()
        crowd.start()
        yield Ground(doubled, processes, crowd, call)
    finally:
        await crowd.leave()


async def strike(ground: Ground, how: str, victim: str) -> dict[str, object]:
    """One fault with at least `IN_FLIGHT` commands under way; what came of it."""
    await ground.call.anew()
    ground.crowd.lag_s = 0.2
    flying = await ground.crowd.until_in_flight(IN_FLIGHT)
    began = time.monotonic()
    if how == "pause":
        async with ground.processes.stopped(victim):
            await asyncio.sleep(PAUSE_S)
        back_s = 0.0
    else:
        dead = ground.processes.kill(victim) if how == "kill" else ground.processes.restart(victim)
        back_s = await ground.processes.back(victim, dead)
    await answered_again(ground.crowd)
    still_s = await ground.call.stillness_s()
    hurt = ground.crowd.attempts(began)
    gateway = victim.startswith("gateway")
    complaints = ground.crowd.complaints(began, gateway_died=gateway)
    assert not complaints, (how, victim, complaints)
    assert still_s < STILL_S, f"{how} {victim}: the picture stood still for {still_s:.1f} s"
    slowest = max(attempt.took_s for attempt in hurt)
    return {
        "fault": how, "victim": victim, "in_flight": flying, "back_s": round(back_s, 2), "still_s": round(still_s, 2),
        "all_answered_s": round(time.monotonic() - began, 2), "slowest_answer_s": round(slowest, 2),
        "lag_s": round(ground.crowd.lag_s, 2), "refused": sum(attempt.code > 0 for attempt in hurt),
    }  # fmt: skip


async def answered_again(crowd: Crowd) -> None:
    """Every member gets an answer to a command that it sends from now on."""
    since = time.monotonic()
    waiting = list(crowd.members)
    while waiting:
        waiting = [m for m in waiting if not any(a.code == 0 and a.began > since for a in m.attempts[-3:])]
        assert time.monotonic() - since < SETTLE_S, [(m.user, m.attempts[-2:]) for m in waiting[:5]]
        await asyncio.sleep(0.1)


async def finish(ground: Ground) -> None:
    """The end of every fault test: all acknowledged, and the checker content."""
    await ground.crowd.finish(SETTLE_S)
    assert await verdict(ground.suite.status()["nats"], ground.crowd) == []
    await ground.call.still_up()


async def go(ground: Ground, name: str, faults: list[tuple[str, str]]) -> None:
    """A series of faults, then the reckoning."""
    came = [await strike(ground, how, victim) for how, victim in faults]
    await finish(ground)
    acknowledged = sum(len(member.acknowledged) for member in ground.crowd.members)
    note(name, {"seed": SEED, "faults": came, "commands_acknowledged": acknowledged, "violations": 0})


@pytest.mark.skipif(not ALL, reason="only by `make faults`: it takes minutes")
async def test_each_is_killed_in_turn(ground: Ground) -> None:
    await go(ground, "killed", [("kill", victim) for victim in (*SERVICES, *SERVERS)])


async def test_each_is_killed_paused_or_restarted_at_random(ground: Ground, dice: random.Random) -> None:
    faults = [(dice.choice(("kill", "restart")), dice.choice((*SERVICES, *SERVERS))) for _ in range(10 if ALL else 2)]
    faults.append(("pause", dice.choice(SERVICES)))
    await go(ground, "random", faults)


@pytest.mark.skipif(not ALL, reason="only by `make faults`: it takes minutes")
async def test_each_stands_still_in_turn(ground: Ground) -> None:
    await go(ground, "paused", [("pause", victim) for victim in (*SERVICES, *SERVERS)])


@pytest.mark.skipif(not ALL, reason="only by `make faults`: it takes minutes")
async def test_each_is_restarted_in_turn(ground: Ground) -> None:
    await go(ground, "restarted", [("restart", victim) for victim in (*SERVICES, *SERVERS)])
