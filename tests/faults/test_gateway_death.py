"""A gateway dies: its clients go on at another one, the others see nothing; one that stays dead costs its sessions their seats."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from parlour.testkit.client import Frame, raw_client
from parlour.testkit.faults.crowd import Crowd
from parlour.testkit.faults.processes import Processes
from parlour.testkit.faults.record import logs, verdict
from parlour.testkit.faults.results import ALL, note
from parlour.testkit.suite import Suite, running_suite

BACK_S = 3.0
QUICK = {"PARLOUR_ROOM_HEARTBEAT_WINDOW_S": "4", "PARLOUR_ROOM_PRESENCE_GRACE_S": "2"}
MEMBERSHIP = {"room.user_suspended.v1", "room.user_resumed.v1", "room.user_left.v1", "room.user_kicked.v1"}


@asynccontextmanager
async def crowd_of(suite: Suite, dice: random.Random, size: int) -> AsyncIterator[Crowd]:
    """A crowd that is in its rooms and silent."""
    crowd = Crowd(suite.urls, suite.app_id, f"gw{dice.randrange(1 << 30)}", size, suite.dev_token, dice)
    try:
        await crowd.enter()
        yield crowd
    finally:
        await crowd.leave()


async def test_its_clients_are_back_within_three_seconds_and_others_see_nothing(
    doubled: Suite, processes: Processes, dice: random.Random
) -> None:
    async with crowd_of(doubled, dice, 100) as crowd:
        crowd.start()
        await crowd.until_in_flight(50)
        dead = processes.kill("gateway")
        await processes.back("gateway", dead)
        await crowd.finish(within_s=20)
        assert await verdict(doubled.status()["nats"], crowd) == []
        away = [seconds for member in crowd.members for seconds in member.away_s]
        assert len(away) >= 50, "half of them were there"
        note("gateway_death", {"clients": len(away), "longest_away_s": round(max(away), 2)})
        assert max(away) < BACK_S
        assert all(member.logins == 1 for member in crowd.members), "they resumed, and logged in once"
        calls = {(member.room, member.position.split(".")[0]) for member in crowd.members}
        record = await logs(doubled.status()["nats"], crowd.app, calls)
        assert not [event.type for event in record if event.type in MEMBERSHIP]


@pytest.fixture(scope="module")
def hasty() -> Iterator[Suite]:
    """A suite that waits for nobody: two seconds until a session is suspended, four until it is removed."""
    with running_suite(QUICK, "--replicas", "2") as running:
        yield running


@pytest.mark.skipif(not ALL, reason="only by `make faults`: it starts a suite of its own")
async def test_one_that_stays_dead_suspends_and_then_removes_its_sessions(hasty: Suite) -> None:
    processes = Processes(str(hasty.status()["state_folder"]))
    tokens = {user: hasty.dev_token(user) for user in ("stays", "goes")}
    one, two = hasty.urls
    async with raw_client(one) as stays, raw_client(two) as goes:
        await stays.login(hasty.app_id, "left-alone", "stays", tokens["stays"], userUpdate=True)
        await goes.login(hasty.app_id, "left-alone", "goes", tokens["goes"], userUpdate=True)
        keep_dead = asyncio.create_task(_keep_dead(processes, "gateway-2"))
        try:
            left = await stays.wait_for(_is("room.user_left.v1"), timeout_s=25)
        finally:
            keep_dead.cancel()
        assert left["user"]["userID"] == "goes"
    types = [event["type"] for event in hasty.events("left-alone")]
    assert types.index("room.user_suspended.v1") < types.index("room.user_left.v1")
    assert types.count("room.user_suspended.v1") == 1
    assert types.count("room.user_left.v1") >= 1


async def _keep_dead(processes: Processes, name: str) -> None:
    """Kills it as often as the supervisor starts it."""
    while True:
        pid = processes.pid(name)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)


def _is(kind: str) -> Callable[[Frame], Any]:
    return lambda frame: frame.get("t") == "ev" and frame.get("type") == kind
