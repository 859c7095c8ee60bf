"""Opening events of which some may be damaged: one that can't be read must not stop what is done with the others."""

from collections.abc import Awaitable, Callable

import msgspec

from parlour.contracts.envelope import EventView
from parlour.kernel.log import Record
from parlour.kernel.sealing import People

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, msgspec.DecodeError)
"""What opening raises for bytes that are no envelope, hold other things than their type says, or were sealed for another place."""
Open = Callable[[People, tuple[Record, ...]], Awaitable[tuple[EventView, ...]]]


async def open_readable(
    open_records: Open, people: People, records: tuple[Record, ...]
) -> tuple[EventView | None, ...]:
    """The views in order; None for what is no envelope, or was not sealed for its place."""
    try:
        return await open_records(people, records)
    except UNREADABLE:
        if len(records) == 1:
            return (None,)
    return tuple([(await open_readable(open_records, people, (record,)))[0] for record in records])
