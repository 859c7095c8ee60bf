"""The queue between the connection, which must not wait, and the application, which may be slow."""

import asyncio
from collections import deque

from .errors import ParlourError
from .items import Item
from .position import Position

MAX_ITEMS = 10_000
"""The longest queue; a slower application gets the rest from the record later."""


class ItemQueue:
    """The items of one room that arrived and were not taken yet."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._changed = asyncio.Event()
        self._end: ParlourError | None = None
        self.position: Position | None = None
        """The position of the last item that was put in."""

    def put(self, item: Item) -> bool:
        """Appends an item. False where the queue is full: the items after `position` are then needed later."""
        if len(self._items) >= MAX_ITEMS:
            return False
        self._items.append(item)
        self.position = item.position
        self._changed.set()
        return True

    def end(self, why: ParlourError) -> None:
        """Ends the queue with an error, which `take` raises after the last item."""
        self._end = why
        self._changed.set()

    @property
    def is_half_empty(self) -> bool:
        """Whether a queue that was full may be filled again."""
        return len(self._items) <= MAX_ITEMS // 2

    async def take(self) -> Item:
        """Waits for the next item, in order. Raises the error of `end` after the last."""
        while not self._items:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()

    def drain(self) -> list[Item]:
        """Removes and returns the items that were not taken."""
        rest = list(self._items)
        self._items.clear()
        return rest
