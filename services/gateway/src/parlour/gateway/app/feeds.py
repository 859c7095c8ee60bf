"""The rooms that this gateway follows: a feed for each, opened by the first who needs it, closed a while after the last."""

import asyncio
import time

from parlour.contracts.queries import HeadBeacon

from .feed import Ended, Feed
from .ports import Events, History

LINGER_S = 15.0
"""A feed without seats stays for those who come right back."""


class Feeds:
    """Feeds by (app, room name)."""

    def __init__(self, events: Events, history: History, ended: Ended) -> None:
        self._events = events
        self._history = history
        self._ended = ended
        self._feeds: dict[tuple[int, str], Feed] = {}
        self._opening: dict[tuple[int, str], asyncio.Future[None]] = {}

    async def open(self, app: int, room: str) -> Feed:
        """The room's feed, subscribed: nothing published from now on is missed."""
        key = (app, room)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = Feed(app, room, self._history, self._ended)
            self._opening[key] = asyncio.ensure_future(self._subscribe(feed))
        feed.idle_since = time.monotonic()
        opening = self._opening.get(key)
        if opening is not None:
            await asyncio.shield(opening)
        return feed

    def find(self, app: int, room: str) -> Feed | None:
        """The room's feed if there is one."""
        return self._feeds.get((app, room))

    def all(self) -> tuple[Feed, ...]:
        """Those that are open."""
        return tuple(self._feeds.values())

    def beacon(self, beacon: HeadBeacon) -> None:
        """The record tells where rooms stand."""
        for head in beacon.heads:
            feed = self._feeds.get((head.app, head.room))
            if feed is not None:
                feed.beacon(head)

    def erased(self, app: int, actor: str) -> None:
        """A person of the app is nobody any more."""
        for feed in self._feeds.values():
            if feed.app == app:
                feed.erased(actor)

    def reconnected(self) -> None:
        """NATS was away: anything may have been missed."""
        for feed in self._feeds.values():
            feed.lost()

    async def sweep(self) -> None:
        """Closes feeds that nobody has used for a while."""
        now = time.monotonic()
        for key, feed in tuple(self._feeds.items()):
            if feed.seats or feed.taps:
                feed.idle_since = now
            elif now - feed.idle_since > LINGER_S and key not in self._opening:
                del self._feeds[key]
                feed.close()
                if feed.unsubscribe is not None:
                    await feed.unsubscribe()

    async def _subscribe(self, feed: Feed) -> None:
        key = (feed.app, feed.room)
        try:
            feed.unsubscribe = await self._events.subscribe(feed.app, feed.room, feed.receive, feed.lost)
        except BaseException:
            del self._feeds[key]
            raise
        finally:
            del self._opening[key]
