"""Housekeeping of the log's tables: partitions made ahead of time, answers of old commands and old quality samples forgotten."""

import asyncio
import time
from typing import Protocol

EVERY_S = 600.0
PURGE_AT_ONCE = 5_000
"""Rows in one statement: short enough to hold nobody up."""


class TableMaintenance(Protocol):
    """What the database can do for us."""

    async def make_partitions(self, months_ahead: int) -> tuple[str, ...]:
        """Gives the names of those it made."""
        ...

    async def drop_quality(self, before_us: int) -> tuple[str, ...]:
        """Gives the names of the months it dropped."""
        ...

    async def purge_commands(self, before_us: int, at_most: int) -> int:
        """Gives how many it forgot."""
        ...


async def keep(tables: TableMaintenance, *, months_ahead: int, answers_kept_s: float, quality_kept_s: float) -> None:
    """Does its round every ten minutes, for ever."""
    while True:
        await tables.make_partitions(months_ahead)
        await tables.drop_quality(round((time.time() - quality_kept_s) * 1_000_000))
        before_us = round((time.time() - answers_kept_s) * 1_000_000)
        forgotten = PURGE_AT_ONCE
        while forgotten == PURGE_AT_ONCE:
            forgotten = await tables.purge_commands(before_us, PURGE_AT_ONCE)
        await asyncio.sleep(EVERY_S)
