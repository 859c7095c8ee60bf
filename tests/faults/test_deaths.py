"""Every process dies, stands still and is restarted while a crowd sends and a call is up: one of a pair, the other, and both at once."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from parlour.contracts.codes import Code
from parlour.testkit.faults.call import Call
from parlour.testkit.faults.crowd import Crowd
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.record import verdict
from parlour.testkit.faults.results import ALL, SEED, note
from parlour.testkit.suite import Suite

CROWD = 128
IN_FLIGHT = 100
STILL_S = 2.0
PAUSE_S = 30.0 if ALL else 6.0
SETTLE_S = 40.0
LEFT_OUT_S = 12.0
"""NATS strikes a silent process off within 8 s, and a command that it had got by then comes to its replica 2 s later."""
PAIRS = ("auth", "room", "registry", "im", "record", "gateway")
SERVERS = ("nats", "postgres")
Victims = tuple[str, ...]
ONE_OF_EACH: tuple[Victims, ...] = tuple((name if name != "gateway" else "gateway-2",) for name in PAIRS)
EACH: tuple[Victims, ...] = tuple(
    victims for name in PAIRS for victims in ((name,), (f"{name}-2",), (name, f"{name}-2"))
)
THE_SERVERS: tuple[Victims, ...] = tuple((name,) for name in SERVERS)
SERIES_S = 1500
long = pytest.mark.skipif(not ALL, reason="only by `make faults`: it takes minutes")


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


async def strike(ground: Ground, how: str, victims: Victims) -> dict[str, object]:
    """One fault with at least `IN_FLIGHT` commands under way; what came of it."""
    await ground.call.until_connected(
        SETTLE_S
    )  # so that two faults do not add up to one absence longer than the heartbeat window
    await ground.call.anew()
    ground.crowd.lag_s = 0.2
    flying = await ground.crowd.until_in_flight(IN_FLIGHT)
    began = time.monotonic()
    back_s = 0.0
    if how == "pause":
        await stand_still(ground, victims)
    else:
        hurt = ground.processes.kill if how == "kill" else ground.processes.restart
        dead = {victim: hurt(victim) for victim in victims}
        back_s = max([await ground.processes.back(victim, pid) for victim, pid in dead.items()])
    ended = time.monotonic()
    await answered_again(ground.crowd)
    still_s = await ground.call.beyond_machine_s()
    attempts = ground.crowd.attempts(began)
    complaints = ground.crowd.complaints(began, gateway_died=victims[0].startswith("gateway"))
    assert not complaints, (how, victims, complaints)
    assert still_s < STILL_S, f"{how} {victims}: the picture stood still for {still_s:.1f} s"
    return {
        "fault": how, "victims": victims, "in_flight": flying, "back_s": round(back_s, 2), "still_s": round(still_s, 2),
        "all_answered_s": round(time.monotonic() - ended, 2), "slowest_answer_s": round(max(a.took_s for a in attempts), 2),
        "lag_s": round(ground.crowd.lag_s, 2), "refused": sum(attempt.code > 0 for attempt in attempts),
    }  # fmt: skip


async def stand_still(ground: Ground, victims: Victims) -> None:
    """For `PAUSE_S`; one of a pair is left out once it is known to stand still."""
    async with contextlib.AsyncExitStack() as stack:
        for victim in victims:
            await stack.enter_async_context(ground.processes.stopped(victim))
        stopped = time.monotonic()
        await asyncio.sleep(PAUSE_S)
        late = ground.crowd.attempts(stopped + LEFT_OUT_S)
    if victims not in {*THE_SERVERS} and len(victims) == 1:
        told = [attempt for attempt in late if attempt.code == Code.UNAVAILABLE]
        assert not told, f"{victims} stood still, and its replica did not do all of its work: {told[:5]}"


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


async def go(ground: Ground, name: str, faults: list[tuple[str, Victims]]) -> None:
    """A series of faults, then the reckoning."""
    came: list[dict[str, object]] = []
    for how, victims in faults:
        came.append(await strike(ground, how, victims))
        print(came[-1])
    await finish(ground)
    acknowledged = sum(len(member.acknowledged) for member in ground.crowd.members)
    note(name, {"seed": SEED, "faults": came, "commands_acknowledged": acknowledged, "violations": 0})


@pytest.mark.skipif(ALL, reason="the long series hold these")
async def test_a_service_stands_still_and_the_servers_go(ground: Ground) -> None:
    await go(ground, "short", [("pause", ("registry",)), ("kill", ("postgres",)), ("restart", ("nats",))])


@long
@pytest.mark.timeout(SERIES_S)
async def test_any_is_killed_paused_or_restarted_at_random(ground: Ground, dice: random.Random) -> None:
    faults = [(dice.choice(("kill", "restart")), dice.choice((*EACH, *THE_SERVERS))) for _ in range(10)]
    faults.append(("pause", dice.choice(ONE_OF_EACH)))
    await go(ground, "random", faults)


@long
@pytest.mark.timeout(SERIES_S)
@pytest.mark.parametrize("how", ["kill", "restart", "pause"])
async def test_one_of_each_in_turn(ground: Ground, how: str) -> None:
    await go(ground, f"{how}_one_of_each", [(how, victims) for victims in (*ONE_OF_EACH, *THE_SERVERS)])


@long
@pytest.mark.timeout(SERIES_S)
@pytest.mark.parametrize("how", ["kill", "restart", "pause"])
async def test_the_other_of_each_and_then_both_at_once(ground: Ground, how: str) -> None:
    await go(ground, f"{how}_the_other_and_both", [(how, victims) for victims in EACH if victims not in ONE_OF_EACH])
