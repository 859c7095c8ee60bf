"""The last events of a room for its readers outside, kept as long as there are any: who is at the end never asks the record.

A reader holds a place, not a queue: one that is slow costs a page, and goes on from the record when the tail has moved past it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.gateway.domain.reading import Kept

from .feed import Feed
from .feeds import Feeds
from .present import Present

LENGTH = 256
"""Events kept of one room."""


class Tail:
    """A room's last events, of one life and without a gap."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.readers: set[asyncio.Event] = set()
        """Set by each event."""
        self.held = 0
        """By so many it is followed, whether or not they are woken."""
        self.present = Present(feed.room)
        self.turned = 0
        """How often what was known of the room has been replaced."""
        self._ring: deque[Kept] = deque(maxlen=LENGTH)

    def add(self, view: EventView, frame: bytes) -> None:
        """The next event and its frame; one that does not follow begins the tail anew."""
        last = self._ring[-1].view if self._ring else None
        if last is not None and (last.room_uid != view.room_uid or last.seq + 1 != view.seq):
            self._ring.clear()
        kept = Kept(view, frame)
        self._ring.append(kept)
        self.present.add(kept, self.feed.mirror)
        for reader in self.readers:
            reader.set()

    def clear(self) -> None:
        """Forgets its events; readers ask the record."""
        self._ring.clear()
        self.present.clear()

    def turn(self) -> None:
        """What was known of the room was replaced; everybody looks."""
        self.turned += 1
        self.clear()
        for reader in self.readers:
            reader.set()

    def after(self, place: Position) -> tuple[Kept, ...] | None:
        """What follows a place; None where only the record knows."""
        state = self.feed.mirror.state if self.feed.mirror is not None else None
        if state is not None and (state.room_uid, state.seq, state.hash[:16]) == (
            place.room_uid,
            place.seq,
            place.hash8,
        ):
            return ()
        last = self._ring[-1].view if self._ring else None
        if state is None or last is None or (state.room_uid, state.seq) != (last.room_uid, last.seq):
            return None  # the room moved on without the tail
        if self._ring[0].view.room_uid != place.room_uid:
            return None
        index = place.seq - self._ring[0].view.seq + 1
        if not 0 <= index <= len(self._ring):
            return None
        hash8 = self._ring[index - 1].view.hash[:16] if index else self._ring[0].view.prev[:16]
        if hash8 != place.hash8:
            return None
        return tuple(self._ring[at] for at in range(index, len(self._ring)))


class Tails:
    """Tails by (app, room name)."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self._tails: dict[tuple[int, str], Tail] = {}

    def erased(self, app: int) -> None:
        """A person of the app is nobody any more: no opened event of before is handed out."""
        for (of_app, _), tail in self._tails.items():
            if of_app == app:
                tail.clear()

    @asynccontextmanager
    async def follow(self, app: int, room: str, changed: asyncio.Event) -> AsyncGenerator[Tail]:
        """The room's tail; `changed` is set by each event while the block runs."""
        feed = await self._feeds.open(app, room)
        tail = self._tails.get((app, room))
        if tail is None or tail.feed is not feed:
            tail = self._tails[app, room] = Tail(feed)
            feed.taps.append(tail.add)
            feed.turns.append(tail.turn)
        tail.readers.add(changed)
        tail.held += 1
        try:
            yield tail
        finally:
            tail.readers.discard(changed)
            tail.held -= 1
            if not tail.held:
                tail.feed.taps.remove(tail.add)
                tail.feed.turns.remove(tail.turn)
                if self._tails.get((app, room)) is tail:
                    del self._tails[app, room]
