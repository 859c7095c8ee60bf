"""An event loop whose time passes only when nothing is ready to run, and a process whose every clock and draw follows from a seed."""

import asyncio
import math
import random
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import UUID

from parlour.runtime import clock as runtime_clock
from parlour.testkit.clock import VirtualClock, uuid7

TICKS = 1_000_000
"""The clock's steps in a second. A turn of the loop takes at least one, so that whoever polls for a moment sees it come."""
RESOLUTION_S = 1e-9


class Stuck(Exception):
    """Nothing is ready and nothing is scheduled: whoever waits would wait for ever."""


class _Idle:
    """Stands where a loop has its selector: instead of waiting, time passes."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self._clock.advance(max(1, math.ceil(timeout * TICKS)) / TICKS)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio without the world."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._virtual = clock
        self._selector = _Idle(clock)
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        """Seconds since the run began."""
        return self._virtual.now()

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits in a selector."""


class Draws:
    """UUIDs of a run: time-ordered where asked, all from one seed."""

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"ids/{seed}")

    def uuid7(self) -> UUID:
        """As `uuid_utils` makes them."""
        return uuid7(self._clock.at(), self._random.getrandbits(62))


@contextmanager
def determined(clock: VirtualClock, seed: int) -> Generator[None]:
    """Every clock and every draw of this process follows `clock` and `seed` until the block ends."""
    state = random.getstate()
    random.seed(f"services/{seed}")
    made = random.Random
    tokens = made(f"tokens/{seed}")

    def drawn(given: Any = None) -> random.Random:
        return made(f"unseeded/{seed}" if given is None else given)

    clocks: dict[str, Any] = {
        "monotonic": clock.now, "perf_counter": clock.now, "time": lambda: clock.at() / 1e6,
        "monotonic_ns": lambda: round(clock.now() * 1e9), "perf_counter_ns": lambda: round(clock.now() * 1e9),
        "time_ns": lambda: clock.at() * 1000,
    }  # fmt: skip
    with (
        mock.patch.multiple(time, **clocks),
        mock.patch.object(random, "Random", drawn),
        mock.patch.object(secrets, "token_hex", lambda octets=16: tokens.randbytes(octets).hex()),
        mock.patch.object(runtime_clock, "new_uuid7", Draws(clock, seed).uuid7),
    ):
        try:
            yield
        finally:
            random.setstate(state)
