"""Tracks which committed events NATS has carried, and which are to be published again.

Rules: 1. an event seen on NATS, before or after it was read from the log, is published; 2. one not seen within the grace is to be
published again; 3. events come out in the order in which they were read, so a room's events stay in order; 4. both memories are bounded:
an event whose sighting was dropped is published once more, and readers drop the copy.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable

import msgspec

from parlour.kernel.log import Record

SIGHTINGS_KEPT = 65_536
"""Message ids seen on NATS but not yet read from the log: far more than a shard's lag times the rate of events."""


class SettledEvent(msgspec.Struct, frozen=True):
    """An event that NATS has carried (`published`), or whose grace is over."""

    record: Record
    published: bool


def message_id(record: Record) -> str:
    """Returns the event's `Nats-Msg-Id`."""
    return f"{record.log.uid}:{record.seq}"


class RepublishTracker:
    """Takes in events of the log and sightings on NATS in any order; `take_settled` gives each event back once. Times are seconds."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._waiting: deque[tuple[float, Record]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def reset(self) -> None:
        """Drops the events that wait, since the log is read again; sightings stay."""
        self._waiting.clear()

    def add_sighting(self, id_: str) -> None:
        """NATS carried the event with this message id."""
        self._seen[id_] = None
        if len(self._seen) > SIGHTINGS_KEPT:
            self._seen.popitem(last=False)

    def add_events(self, records: Iterable[Record], now: float) -> None:
        """The log holds these events, read at `now`."""
        self._waiting.extend((now + self._grace_s, record) for record in records)

    def take_settled(self, now: float) -> tuple[SettledEvent, ...]:
        """Removes and returns the first events up to one that was not seen and whose grace runs."""
        out: list[SettledEvent] = []
        while self._waiting:
            until, record = self._waiting[0]
            published = message_id(record) in self._seen
            if not published and until > now:
                break
            self._waiting.popleft()
            self._seen.pop(message_id(record), None)
            out.append(SettledEvent(record, published))
        return tuple(out)
