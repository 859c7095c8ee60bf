"""Programs of others under test, as the examples are: started, killed, revived, and what they have printed."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

PRINTED_WITHIN_S = 20.0


PYTHON = (sys.executable,)


class Program:
    """A program that may die and be started again; `lines` is what all its processes printed, in order."""

    def __init__(self, path: Path, runner: Sequence[str] = PYTHON, **variables: str) -> None:
        self._command = (*runner, str(path))
        self._environment = {**os.environ, **variables}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._came = asyncio.Condition()
        self.lines: list[str] = []

    async def start(self, *arguments: str) -> None:
        """Another life of it."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, *arguments, env=self._environment, stdout=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def kill(self) -> None:
        """kill -9; returns when everything that it printed is in `lines`."""
        if self._process is None or self._reading is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading
        self._process = None

    async def printed(self, text: str, within_s: float = PRINTED_WITHIN_S) -> None:
        """Waits for a line with this text in it."""
        async with asyncio.timeout(within_s), self._came:
            await self._came.wait_for(lambda: any(text in line for line in self.lines))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if not line.endswith(b"\n"):
                return  # its death cut it off
            async with self._came:
                self.lines.append(line.decode().strip())
                self._came.notify_all()


@asynccontextmanager
async def program(
    path: Path, *arguments: str, runner: Sequence[str] = PYTHON, **variables: str
) -> AsyncGenerator[Program]:
    """Runs it for the length of the block. `runner`: the command before the path, as ("node",); () where the path is executable."""
    made = Program(path, runner, **variables)
    await made.start(*arguments)
    try:
        yield made
    finally:
        await made.kill()
