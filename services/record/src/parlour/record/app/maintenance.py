"""Endless housekeeping: partitions are made ahead of time; answers of commands, quality samples and delivery attempts expire."""

import asyncio
from typing import Protocol

from parlour.kernel.decider import Clock

TABLES_EVERY_S = 600.0
ROWS_PER_PURGE = 5_000
"""Rows deleted by one statement: short enough to delay nobody."""
DELIVERIES_EVERY_S = 300.0
DELIVERIES_PER_ENDPOINT = 10_000
DELIVERIES_PER_PURGE = 10_000


class TableMaintenance(Protocol):
    """Statements that only the record's database role may run. Times are unix microseconds."""

    async def make_partitions(self, months_ahead: int) -> tuple[str, ...]:
        """Makes the missing partitions from this month on and returns their names."""
        ...

    async def drop_quality(self, before_us: int) -> tuple[str, ...]:
        """Drops the months of quality samples that ended before a time and returns their names."""
        ...

    async def purge_commands(self, before_us: int, at_most: int) -> int:
        """Deletes answers of commands done before a time and returns how many."""
        ...


class DeliveryLog(Protocol):
    """Stores the attempts of webhooks; may raise `LogUnavailable`."""

    async def purge_deliveries(self, before_us: int, per_endpoint: int, at_most: int) -> None:
        """Deletes up to `at_most` attempts older than a time, and of each endpoint all but the newest `per_endpoint`."""
        ...


async def maintain_tables(
    tables: TableMaintenance, clock: Clock, *, months_ahead: int, answers_kept_s: float, quality_kept_s: float
) -> None:
    """Maintains the log's tables every ten minutes; never returns. Raises what the database raises."""
    while True:
        await tables.make_partitions(months_ahead)
        await tables.drop_quality(clock.at() - round(quality_kept_s * 1e6))
        before_us = clock.at() - round(answers_kept_s * 1e6)
        while await tables.purge_commands(before_us, ROWS_PER_PURGE) == ROWS_PER_PURGE:
            pass
        await asyncio.sleep(TABLES_EVERY_S)


async def trim_delivery_log(deliveries: DeliveryLog, clock: Clock, kept_s: float) -> None:
    """Trims the delivery log every five minutes; never returns. Raises what the database raises."""
    while True:
        before_us = clock.at() - round(kept_s * 1e6)
        await deliveries.purge_deliveries(before_us, DELIVERIES_PER_ENDPOINT, DELIVERIES_PER_PURGE)
        await asyncio.sleep(DELIVERIES_EVERY_S)
