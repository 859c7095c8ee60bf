"""The suite's processes as a fault sees them: read from the supervisor's own file, so that looking is cheap."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

BACK_WITHIN_S = 25.0


class Processes:
    """By name, as `parlour status` names them."""

    def __init__(self, state_folder: str) -> None:
        self._run = Path(state_folder) / "run.json"

    def all(self) -> dict[str, dict[str, Any]]:
        """Name to pid, state and restarts, now."""
        run = json.loads(self._run.read_bytes())
        return {found["name"]: found for found in (*run["services"], *run["servers"])}

    def pid(self, name: str) -> int:
        """The pid now; 0 while it is down."""
        return int(self.all()[name]["pid"])

    def kill(self, name: str) -> int:
        """kill -9; the pid that died."""
        return self.send(name, signal.SIGKILL)

    def restart(self, name: str) -> int:
        """Asks it to end, as an upgrade would (Postgres: a fast shutdown)."""
        return self.send(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)

    def send(self, name: str, number: signal.Signals) -> int:
        """A signal to it; its pid."""
        pid = self.pid(name)
        assert pid, f"{name} is down already"
        os.kill(pid, number)
        return pid

    @asynccontextmanager
    async def stopped(self, name: str) -> AsyncGenerator[int]:
        """It stands still for the length of the block (Postgres with its children)."""
        pid = self.pid(name)
        pids = [pid, *children_of(pid)]
        for one in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGSTOP)
        try:
            yield pid
        finally:
            for one in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGCONT)

    async def back(self, name: str, dead: int) -> float:
        """Waits until the supervisor has it ready under another pid, and everybody else too; the seconds that took."""
        began = time.monotonic()
        async with asyncio.timeout(BACK_WITHIN_S):
            while True:
                seen = self.all()
                if seen[name]["pid"] not in {0, dead} and all(found["state"] == "ready" for found in seen.values()):
                    return time.monotonic() - began
                await asyncio.sleep(0.05)


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found
