"""Which room heads a beacon announces.

A head that changed is announced in `REPEATS` beacons, since one may be lost; `announce_again` announces those of the last minute once
more, for subscribers that were disconnected.
"""

from collections import OrderedDict
from uuid import UUID

import msgspec

from parlour.contracts.queries import HeadBeacon, RoomHead
from parlour.kernel.log import Record

REPEATS = 3
RECENT_S = 60.0
RECENT_HEADS = 20_000
HEADS_PER_BEACON = 2_000
"""Heads in one message: below half of NATS's megabyte also with the longest room ids."""


class _RecentHead(msgspec.Struct):
    """A room's last published event and how often it is still to be announced."""

    p: int
    head: RoomHead
    changed: float
    left: int = REPEATS


class RoomHeads:
    """The heads of rooms that changed lately. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._heads: OrderedDict[UUID, _RecentHead] = OrderedDict()

    def update(self, record: Record, now: float) -> None:
        """Makes this event its room's head, unless a later one is known."""
        uid = record.log.uid
        known = self._heads.get(uid)
        if known is not None and known.head.seq >= record.seq:
            return
        head = RoomHead(record.log.app, record.log.room, str(uid), record.seq, record.hash.hex()[:16])
        self._heads[uid] = _RecentHead(record.p, head, now)
        self._heads.move_to_end(uid)
        if len(self._heads) > RECENT_HEADS:
            self._heads.popitem(last=False)

    def announce_again(self) -> None:
        """Has every recent head announced once more."""
        for recent in self._heads.values():
            recent.left = max(recent.left, 1)

    def beacons(self, now: float) -> tuple[HeadBeacon, ...]:
        """Returns one round of announcements, in messages of bounded size; drops heads that are no longer recent."""
        by_shard: dict[int, list[RoomHead]] = {}
        for uid, recent in tuple(self._heads.items()):
            if recent.left > 0:
                recent.left -= 1
                by_shard.setdefault(recent.p, []).append(recent.head)
            elif now - recent.changed > RECENT_S:
                del self._heads[uid]
        return tuple(
            HeadBeacon(p, tuple(heads[i : i + HEADS_PER_BEACON]))
            for p, heads in sorted(by_shard.items())
            for i in range(0, len(heads), HEADS_PER_BEACON)
        )
