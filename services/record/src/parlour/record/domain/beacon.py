"""Which room heads a beacon names.

A head that changed is told in `REPEATS` beacons, since one may be lost; `again` tells all of the last minute once more, for subscribers
that were cut off.
"""

from collections import OrderedDict
from uuid import UUID

import msgspec

from parlour.contracts.queries import HeadBeacon, RoomHead
from parlour.kernel.log import Record

REPEATS = 3
RECENT_S = 60.0
RECENT_KEPT = 20_000
HEADS_IN_ONE = 2_000
"""Heads in one message: below half of NATS's megabyte also with the longest room ids."""


class _Head(msgspec.Struct):
    """A room's last told event."""

    p: int
    head: RoomHead
    changed: float
    left: int = REPEATS


class RoomHeads:
    """The heads of rooms that changed lately."""

    def __init__(self) -> None:
        self._heads: OrderedDict[UUID, _Head] = OrderedDict()

    def moved(self, record: Record, now: float) -> None:
        """The room is at this event now. Older events than the one known change nothing."""
        uid = record.log.uid
        known = self._heads.get(uid)
        if known is not None and known.head.seq >= record.seq:
            return
        head = RoomHead(record.log.app, record.log.room, str(uid), record.seq, record.hash.hex()[:16])
        self._heads[uid] = _Head(record.p, head, now)
        self._heads.move_to_end(uid)
        if len(self._heads) > RECENT_KEPT:
            self._heads.popitem(last=False)

    def again(self) -> None:
        """Everything recent is told once more."""
        for head in self._heads.values():
            head.left = max(head.left, 1)

    def beacons(self, now: float) -> tuple[HeadBeacon, ...]:
        """One round, in messages of bounded size; forgets what is no longer recent."""
        by_shard: dict[int, list[RoomHead]] = {}
        for uid, entry in tuple(self._heads.items()):
            if entry.left > 0:
                entry.left -= 1
                by_shard.setdefault(entry.p, []).append(entry.head)
            elif now - entry.changed > RECENT_S:
                del self._heads[uid]
        return tuple(
            HeadBeacon(p, tuple(heads[i : i + HEADS_IN_ONE]))
            for p, heads in sorted(by_shard.items())
            for i in range(0, len(heads), HEADS_IN_ONE)
        )
