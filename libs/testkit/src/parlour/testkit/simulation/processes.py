"""Simulated processes: what runs in one dies with it, at once and at places that a seed chooses.

A kill is kill -9: nothing that the process does afterwards reaches the log or the network, since every way out of it asks `alive` first.
Its tasks are cancelled besides, to free what they hold.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

PLACES = ("before_commit", "after_commit", "after_publish", "before_reply")
_current: "ContextVar[Process | None]" = ContextVar("simulated_process", default=None)

Main = Callable[["Process"], Awaitable[None]]


class Faults:
    """What may go wrong, as probabilities. `calm` ends all but `deaf`: events that NATS loses are the record's to tell again."""

    def __init__(
        self, chance: random.Random, *, kills: int, loss: float, repeat: float, late: float, log_away: float
    ) -> None:
        self.chance = chance
        self.kills = kills
        self.loss = loss
        self.repeat = repeat
        self.late = late
        self.log_away = log_away
        self.kill_at = 0.02
        self.deaf = loss

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.kills = 0
        self.loss = self.repeat = self.late = self.log_away = 0.0

    def happens(self, probability: float) -> bool:
        """One draw."""
        return probability > 0 and self.chance.random() < probability


class Process:
    """One life of one replica. `on_death` is told what dies with it: connections, leases."""

    def __init__(self, name: str, number: int, faults: Faults, note: Callable[[str], None]) -> None:
        self.name = name
        self.number = number
        self.alive = True
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """In the order in which they began: a set would be cancelled in the order of its tasks' addresses, which no seed draws."""
        self.on_death: list[Callable[[], None]] = []
        self._faults = faults
        self._note = note
        self._context = copy_context()
        self._context.run(_current.set, self)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task of this process."""
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())

    def passing(self, place: str) -> None:
        """The process may die here."""
        self.must_live()
        if self._faults.kills > 0 and self._faults.happens(self._faults.kill_at):
            self._faults.kills -= 1
            self.kill(place)
            raise asyncio.CancelledError

    def must_live(self) -> None:
        """The way out of a dead process is closed."""
        if not self.alive:
            raise asyncio.CancelledError

    def kill(self, why: str) -> None:
        """Ends it."""
        if not self.alive:
            return
        self._note(f"kill {self.name}#{self.number} {why}")
        self.alive = False
        for call in self.on_death:
            call()
        for task in tuple(self.tasks):
            task.cancel()


def owned_tasks(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
    """The loop's task factory: a task belongs to the process in which it was made."""
    context = options.get("context")
    owner = _current.get() if context is None else context.get(_current)
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    if owner is not None:
        owner.tasks[task] = None
        task.add_done_callback(lambda done: owner.tasks.pop(done, None))
        if not owner.alive:
            task.cancel()
    return task


class Replica:
    """A place in the plan: one process at a time, started again a while after its death."""

    def __init__(self, name: str, main: Main, faults: Faults, note: Callable[[str], None]) -> None:
        self.name = name
        self.process: Process | None = None
        self.trouble: list[str] = []
        self._main = main
        self._faults = faults
        self._note = note
        self._number = 0

    async def keep(self) -> None:
        """Starts it, and starts it again, for ever."""
        while True:
            self._number += 1
            process = self.process = Process(self.name, self._number, self._faults, self._note)
            task = process.spawn(self._run(process))
            await asyncio.wait((task,))
            if process.alive:
                process.kill("ended by itself")
            await asyncio.sleep(self._faults.chance.uniform(0.1, 1.5))

    async def _run(self, process: Process) -> None:
        try:
            await self._main(process)
        except Exception as error:
            self.trouble.append(f"{self.name}: {error!r}")
            self._note(f"crash {self.name} {error!r}")
