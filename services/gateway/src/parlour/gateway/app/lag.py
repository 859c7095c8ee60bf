"""How far this gateway's clients are behind: for its metrics."""

import time
from collections.abc import Iterable
from typing import NamedTuple

from .feed import Feed
from .following import Followed


class Lag(NamedTuple):
    """Rooms of clients that are being brought forward; of the worst of them, what it has not been handed, and since when (seconds)."""

    clients: int = 0
    events: int = 0
    seconds: float = 0.0


def lag(feeds: Iterable[Feed], followed: Iterable[Followed]) -> Lag:
    """Of all clients that are connected now: members in their seats, and readers outside over WebSockets."""
    now = time.monotonic()
    found = [*_members(feeds), *((one.lag, one.behind_since) for one in followed if one.behind_since is not None)]
    return Lag(
        len(found), max((events for events, _ in found), default=0), max((now - since for _, since in found), default=0)
    )


def _members(feeds: Iterable[Feed]) -> Iterable[tuple[int, float]]:
    for feed in feeds:
        state = feed.mirror.state if feed.mirror is not None else None
        for seat in feed.seats.values():
            if seat.behind is not None and seat.session.channel is not None:
                same = state is not None and state.room_uid == seat.behind.room_uid
                yield max(0, state.seq - seat.behind.seq) if state is not None and same else 0, seat.behind_since
