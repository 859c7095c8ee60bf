"""What both fuzz tests share: how many examples there are, and that no service had a fault meanwhile."""

import asyncio
import os
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from parlour.runtime.messaging.bus import Bus

LONG = os.environ.get("PARLOUR_FAULTS") == "all"
"""`make faults` draws many more examples, others each time."""


def examples(few: int, many: int) -> settings:
    """So many examples: the same few in each run of CI."""
    return settings(
        max_examples=many if LONG else few,
        derandomize=not LONG,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


@contextmanager
def recorded_faults() -> Generator[list[str]]:
    """Errors that services of this process take for their own, and those that no task waited for; around their start, on their loop."""
    faults: list[str] = []
    original, loop = Bus.report_fault, asyncio.get_running_loop()

    def fault(bus: Bus, where: str, error: BaseException, **fields: Any) -> None:
        faults.append(f"{where}: {''.join(traceback.format_exception(error))}")
        original(bus, where, error, **fields)

    def unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        faults.append(f"{context.get('message')}: {context.get('exception')!r}")

    loop.set_exception_handler(unhandled)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bus, "report_fault", fault)
        yield faults
    loop.set_exception_handler(None)
