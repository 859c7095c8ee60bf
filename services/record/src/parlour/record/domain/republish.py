"""Whether NATS has carried what the log holds.

Rules: 1. an event that was heard on NATS, before or after it was read in the log, is told; 2. one that was not heard within the grace is
to be published; 3. events come out in the order in which they were read, so a room's events stay in order; 4. both memories are bounded:
what is forgotten is published once more, which readers drop.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable

import msgspec

from parlour.kernel.log import Record

HEARD_KEPT = 65_536
"""Message ids heard but not yet read: far more than a shard's lag times the rate of events."""


class SettledEvent(msgspec.Struct, frozen=True):
    """An event whose grace is over; `told` says whether it was heard."""

    record: Record
    told: bool


def message_id(record: Record) -> str:
    """The event's `Nats-Msg-Id`."""
    return f"{record.log.uid}:{record.seq}"


class RepublishTracker:
    """`read` and `heard` in any order; `settled(now)` takes out what is decided."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._waiting: deque[tuple[float, Record]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def start_again(self) -> None:
        """Forgets what was read: it will be read again."""
        self._waiting.clear()

    def heard(self, id_: str) -> None:
        """NATS carried the event."""
        self._heard[id_] = None
        if len(self._heard) > HEARD_KEPT:
            self._heard.popitem(last=False)

    def read(self, records: Iterable[Record], now: float) -> None:
        """The log holds the events."""
        self._waiting.extend((now + self._grace_s, record) for record in records)

    def settled(self, now: float) -> tuple[SettledEvent, ...]:
        """The events at the front that were heard or whose grace is over."""
        out: list[SettledEvent] = []
        while self._waiting:
            until, record = self._waiting[0]
            told = message_id(record) in self._heard
            if not told and until > now:
                break
            self._waiting.popleft()
            self._heard.pop(message_id(record), None)
            out.append(SettledEvent(record, told))
        return tuple(out)
