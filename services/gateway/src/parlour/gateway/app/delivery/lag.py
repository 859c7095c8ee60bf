"""How far this gateway's clients lag: for its metrics."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .channel_delivery import ChannelDelivery
from .feed import RoomFeed
from .subscriptions import RoomSubscription


class Lag(NamedTuple):
    """How many deliveries lag; of the worst of them, how many events its client lacks, and for how long (seconds)."""

    clients: int = 0
    events: int = 0
    seconds: float = 0.0


def lag(feeds: Iterable[RoomFeed], subscriptions: Iterable[RoomSubscription]) -> Lag:
    """Measures all clients that are connected now: members of rooms, and subscriptions over WebSockets."""
    found = [
        (delivery.lag_events, asyncio.get_running_loop().time() - delivery.lagging_since)
        for delivery in _deliveries(feeds, subscriptions)
        if delivery.lagging_since is not None and delivery.channel is not None
    ]
    return Lag(
        len(found), max((events for events, _ in found), default=0), max((since for _, since in found), default=0)
    )


def _deliveries(feeds: Iterable[RoomFeed], subscriptions: Iterable[RoomSubscription]) -> Iterator[ChannelDelivery]:
    for feed in feeds:
        yield from feed.members.values()
    for one in subscriptions:
        if one.delivery is not None:
            yield one.delivery
