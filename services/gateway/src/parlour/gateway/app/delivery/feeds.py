"""The feeds of the rooms that this gateway follows, each opened by its first user and closed a while after its last."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from parlour.contracts.queries import HeadBeacon
from parlour.gateway.app.ports import Events, History
from parlour.runtime.cache import SingleFlight

from .feed import RoomFeed, StayEndHandler

LINGER_S = 15.0
"""How long an unused feed stays, for clients that come right back."""


class RoomFeeds:
    """The feeds of this gateway, by app and room. `on_stay_end` as in `RoomFeed`."""

    def __init__(self, events: Events, history: History, on_stay_end: StayEndHandler) -> None:
        self._events = events
        self._history = history
        self._on_stay_end = on_stay_end
        self._feeds: dict[tuple[int, str], RoomFeed] = {}
        self._subscribing = SingleFlight[tuple[int, str]]()

    async def open(self, app: int, room: str) -> RoomFeed:
        """Returns the room's feed, subscribed: nothing that is published from now on is missed."""
        key = (app, room)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = RoomFeed(app, room, self._history, self._on_stay_end)
        feed.idle_since = asyncio.get_running_loop().time()
        if feed.unsubscribe is None:
            await self._subscribing.run(key, lambda: self._subscribe(feed))
        return feed

    @asynccontextmanager
    async def follow(self, app: int, room: str, changed: asyncio.Event) -> AsyncGenerator[RoomFeed]:
        """Opens the room's feed for a reader; `changed` is set by each event, and when the mirror is replaced."""
        feed = await self.open(app, room)
        feed.followers.add(changed)
        feed.wakers.add(changed)
        try:
            yield feed
        finally:
            feed.followers.discard(changed)
            feed.wakers.discard(changed)

    def all(self) -> tuple[RoomFeed, ...]:
        """Returns the open feeds."""
        return tuple(self._feeds.values())

    def on_head_beacon(self, beacon: HeadBeacon) -> None:
        """Passes the heads of rooms by the record on to their feeds."""
        for head in beacon.heads:
            feed = self._feeds.get((head.app, head.room))
            if feed is not None:
                feed.check_head(head)

    def on_user_erased(self, app: int, actor: str) -> None:
        """Forgets a user of the app, whose key is destroyed, in every feed."""
        for feed in self._feeds.values():
            if feed.app == app:
                feed.forget_user(actor)

    def on_reconnect(self) -> None:
        """Reads missed events of all rooms from the record, since the connection to NATS was interrupted."""
        for feed in self._feeds.values():
            feed.on_loss()

    async def sweep(self) -> None:
        """Closes feeds that nobody has used for a while."""
        now = asyncio.get_running_loop().time()
        for key, feed in tuple(self._feeds.items()):
            if feed.is_used:
                feed.idle_since = now
            elif now - feed.idle_since > LINGER_S and feed.unsubscribe is not None:
                del self._feeds[key]
                feed.close()
                await feed.unsubscribe()

    async def _subscribe(self, feed: RoomFeed) -> None:
        try:
            feed.unsubscribe = await self._events.subscribe(feed.app, feed.room, feed.receive, feed.on_loss)
        except BaseException:
            del self._feeds[feed.app, feed.room]
            raise
