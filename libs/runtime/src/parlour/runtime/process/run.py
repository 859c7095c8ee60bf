"""Runs a service process, from reading its settings to its exit code.

`run(build, RoomSettings, "room")` parses settings, configures logs and spans, opens the health server, enters `build(settings)`, writes the
ready file, waits for SIGTERM or SIGINT, drains and exits. A second signal ends the process at once. Exit codes: 0 stopped by a signal,
1 a fault, 2 invalid settings, 3 a dependency was unreachable for `start_timeout_s` at the start.

`build` is an async context manager that yields a `Service`. A background task that fails must end the process: put it in a TaskGroup
inside `build`, whose cancellation reaches `run` by itself.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec

from parlour.kernel.log import LogUnavailable
from parlour.runtime.settings import BadSettings, BusSettings, load
from parlour.runtime.startup import track_awaited
from parlour.runtime.telemetry import logging
from parlour.runtime.telemetry.metrics import Metrics

from . import health

READY_FILE = "PARLOUR_READY_FILE"
"""Variable with a path: one JSON line (service, instance, pid, health_port) is written there once the service is ready."""
OK, FAULT, BAD_SETTINGS, NO_DEPENDENCY = 0, 1, 2, 3

log = logging.logger(__name__)
S = TypeVar("S", bound=BusSettings)


class Service(msgspec.Struct):
    """What `build` yields to `run`: the process's metrics, and the readiness checks by name.

    `drain` is awaited after the first signal, while the service still works and `/readyz` answers 503: it moves sessions elsewhere and
    returns when they are gone or its own deadline is over.
    """

    metrics: Metrics
    checks: dict[str, Callable[[], bool]] = {}
    drain: Callable[[], Awaitable[None]] | None = None


class Ready(msgspec.Struct, frozen=True):
    """The line of the ready file, which the supervisor reads."""

    service: str
    instance: str
    pid: int
    health_port: int


Build = Callable[[S], AbstractAsyncContextManager[Service]]


def run(build: Build[S], settings_type: type[S], name: str) -> NoReturn:
    """Runs the service until a signal stops it, then exits the process with one of the codes above."""
    try:
        settings = load(settings_type, os.environ)
    except BadSettings as error:
        for problem in error.problems:
            print(f"{name}: {problem}", file=sys.stderr)  # noqa: T201 before logs exist, for a person
        sys.exit(BAD_SETTINGS)
    logging.configure(name, settings.instance, settings.log_level)
    close_recorder = None
    if settings.trace_file or settings.otlp_endpoint:
        from parlour.runtime.telemetry.spans import open_recorder  # OpenTelemetry's SDK, which others never load

        close_recorder = open_recorder(name, settings.instance, settings.trace_file, settings.otlp_endpoint)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_guarded(build, settings, name))
    if close_recorder is not None:
        close_recorder()
    sys.stdout.flush()
    sys.exit(code)


async def _guarded(build: Build[S], settings: S, name: str) -> int:
    """Serves in a task of its own, so that a signal during the start can cancel it."""
    loop = asyncio.get_running_loop()
    stop = _StopSignal()
    stop.serving = loop.create_task(_serve(build, settings, name, stop))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.on_signal, number)
    try:
        await stop.serving
    except asyncio.CancelledError:
        return OK if stop.asked.is_set() else FAULT
    except BaseException as error:
        log.error("service_failed", error=repr(error), exc_info=error)
        return NO_DEPENDENCY if isinstance(error, (OSError, TimeoutError, LogUnavailable)) and not stop.ready else FAULT
    return OK


class _StopSignal:
    """The first signal drains the service, or cancels its start; the second exits at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.ready = False
        self.serving: asyncio.Task[None] | None = None

    def on_signal(self, number: int) -> None:
        if self.asked.is_set():
            log.warning("stop_forced", signal=signal.Signals(number).name)
            sys.stdout.flush()
            os._exit(128 + number)
        log.info("stop_asked", signal=signal.Signals(number).name)
        self.asked.set()
        if not self.ready and self.serving is not None:
            self.serving.cancel()


async def _serve(build: Build[S], settings: S, name: str, stop: _StopSignal) -> None:
    began = time.monotonic()
    state = health.Health(track_awaited())
    async with health.serve(settings, state) as port, build(settings) as service:
        state.checks, state.metrics = service.checks, service.metrics
        ready = Ready(name, settings.instance, os.getpid(), port)
        spent = {"start_ms": round((time.monotonic() - began) * 1000), "cpu_ms": round(time.process_time() * 1000)}
        log.info("ready", health_port=port, **spent)
        _freeze_start_objects()
        _write_ready_file(ready)
        stop.ready = True
        await stop.asked.wait()
        state.draining = True
        if service.drain is not None:
            await service.drain()
    log.info("stopped", ran_s=round(time.monotonic() - began, 1))


def _freeze_start_objects() -> None:
    """Keeps objects of the start out of garbage collection, and collects less often than after every 700 allocations."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _write_ready_file(ready: Ready) -> None:
    """Replaces the file atomically: the supervisor may read it at any moment."""
    path = os.environ.get(READY_FILE, "")
    if path:
        partial = Path(f"{path}.{ready.pid}")
        partial.write_bytes(msgspec.json.encode(ready) + b"\n")
        partial.replace(path)
