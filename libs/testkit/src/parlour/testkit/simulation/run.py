"""One run: players start, clients act among faults, the faults end, and once all is quiet its invariants are checked."""

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager

import msgspec
import structlog

from parlour.testkit.clock import VirtualClock

from ..waiting import eventually
from .chaos import Chaos
from .client import Client
from .invariants import check_invariants, is_settled
from .loop import VirtualLoop, determined
from .processes import Replica, owned_tasks
from .script import Actor
from .services import operator, plan
from .world import World

STARTED_WITHIN_S = 10.0
ACTING_S = 6.0
QUIET_WITHIN_S = 60.0
QUIET_LOOKS = 3
"""Seconds in a row in which everything must be settled."""
USERS = ("ann", "bob", "cem", "dia", "ann")
"""Two clients of one user put each other out."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of a seed. `digest` is equal for equal runs; no `violations`: the run was right."""

    seed: int
    violations: tuple[str, ...]
    digest: str
    events: int
    messages: int
    virtual_s: float


def simulate(seed: int, tell: Callable[[str], None] | None = None) -> Outcome:
    """The run of a seed. `tell` gets each step as it happens."""
    clock = VirtualClock()
    with _silence(), determined(clock, seed):
        loop = VirtualLoop(clock)
        loop.set_task_factory(owned_tasks)
        try:
            return loop.run_until_complete(_run(World(seed, clock, tell), seed))
        finally:
            _end(loop)


@contextmanager
def _silence() -> Generator[None]:
    """Services' warnings are what faults are made of."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    for _ in range(20):
        left = asyncio.all_tasks(loop)
        if not left:
            break
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=1.0))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def _run(world: World, seed: int) -> Outcome:
    replicas = [Replica(name, main, world.faults, world.note) for name, main in plan(world).items()]
    keepers = [asyncio.create_task(replica.keep()) for replica in replicas]
    await eventually(lambda: len(world.doors) == 2, "both gateways", timeout_s=STARTED_WITHIN_S, poll_s=0.05)
    actors = [Actor(Client(f"{user}{n}", user, world), world) for n, user in enumerate(USERS)]
    loop = asyncio.get_running_loop()
    until = loop.time() + ACTING_S
    playing = [asyncio.create_task(actor.play(until)) for actor in actors]
    chaos = Chaos(world, actors, await operator(world))
    running_chaos = asyncio.create_task(chaos.run())
    await asyncio.sleep(ACTING_S)
    world.faults.calm()
    chaos.calm = True
    world.note("calm")
    await _quiet(world, actors, loop.time() + QUIET_WITHIN_S)
    found = await check_invariants(world, actors)
    for replica in replicas:
        found += replica.trouble
    for task in (*playing, running_chaos):
        if task.done() and not task.cancelled() and task.exception() is not None:
            found.append(f"a player failed: {task.exception()!r}")
    for task in (*keepers, *playing, running_chaos):
        task.cancel()
    world.note(f"quiet at {loop.time():.1f}")
    records = world.log.all_records()
    for key in records:
        for record in records[key]:
            world.note(f"{record.seq} {record.type} {record.hash.hex()[:8]}")
    return Outcome(
        seed,
        tuple(found),
        world.digest,
        sum(map(len, records.values())),
        world.switch.carried,
        round(world.clock.now(), 1),
    )


async def _quiet(world: World, actors: list[Actor], until: float) -> None:
    """Until all is settled and stays so, or nobody believes it any more."""
    loop = asyncio.get_running_loop()
    calm = 0
    while loop.time() < until and calm < QUIET_LOOKS:
        await asyncio.sleep(1.0)
        calm = calm + 1 if await is_settled(world, actors) else 0
