"""One supervised process: started, watched until it answers, and started again when it dies."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..embedded.launch import Launch, die_with_parent, identity
from .state import ProcessStatus

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
STEADY_AFTER_S = 10.0
"""A process that lived this long has earned a short first pause again."""
PROBE_EVERY_S = 0.02
PROBE_READY_EVERY_S = 1.0
UNREADY_AFTER = 3
"""Probes in a row that a ready process may miss: one that stands still is shown within seconds, a busy machine is no alarm."""
GRACE_S = 10.0


@dataclass(eq=False, repr=False)
class Child:
    """A process by name, with the question that tells whether it is ready.

    launch: asked anew at each start, so that a restart sees what changed.
    """

    name: str
    _launch: Callable[[], Launch]
    log: Path
    _probe: Callable[[], Awaitable[bool]]
    metrics: str = ""
    ready: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    exits: int = field(init=False, default=0)
    pid: int = field(init=False, default=0)
    changed: Callable[[], None] = field(init=False, default_factory=lambda: lambda: None)
    _process: asyncio.subprocess.Process | None = field(init=False, default=None)
    _stopping: bool = field(init=False, default=False)
    _was_ready: bool = field(init=False, default=False)
    _task: asyncio.Task[None] | None = field(init=False, default=None)

    def start(self) -> None:
        """Begin; must be called in the main thread, to which the child's life is tied."""
        self._task = asyncio.create_task(self._keep_running(), name=f"keep {self.name}")

    def status(self) -> ProcessStatus:
        """What to say about it."""
        running = self._process is not None and self._process.returncode is None
        return ProcessStatus(
            self.name, self.pid if running else 0, self._state(running), self.exits, str(self.log), self.metrics
        )

    def _state(self, running: bool) -> str:
        if running:
            return "ready" if self.ready.is_set() else "unready" if self._was_ready else "starting"
        return "stopped" if self._stopping else "waiting"

    async def stop(self) -> None:
        """Ask it to end, then insist."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self._launch().stop_signal)
            try:
                async with asyncio.timeout(GRACE_S):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            await self._run_once()
            self.exits += 1
            self.changed()
            pause = FIRST_PAUSE_S if loop.time() - began > STEADY_AFTER_S else min(pause * 2, LONGEST_PAUSE_S)
            if not self._stopping:
                await asyncio.sleep(pause)

    async def _run_once(self) -> None:
        launch = self._launch()
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *launch.argv,
                env=launch.environment,
                cwd=launch.cwd or "/",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(launch.death_signal),
                **identity(launch.account),
            )
        finally:
            os.close(output)
        self.pid = self._process.pid
        self.changed()
        watching = asyncio.create_task(self._watch())
        try:
            await self._process.wait()
        finally:
            watching.cancel()
            self.ready.clear()
            self._was_ready = False

    async def _watch(self) -> None:
        """Asks for as long as the process runs: one that stands still runs, and is not ready."""
        missed = 0
        while True:
            missed = 0 if await self._probe() else missed + 1
            ready = missed == 0 or (self.ready.is_set() and missed < UNREADY_AFTER)
            if ready != self.ready.is_set():
                (self.ready.set if ready else self.ready.clear)()
                self._was_ready = True
                self.changed()
            await asyncio.sleep(PROBE_READY_EVERY_S if self._was_ready else PROBE_EVERY_S)
