"""Between the connection, which must not wait, and the application, which may take its time."""

import asyncio
from collections import deque

from .errors import ParlourError
from .items import Item
from .position import Position

MOST_ITEMS = 10_000
"""A reader that is this far behind is fed from the record later, instead of from memory now."""


class Reader:
    """The items of one room that came and were not taken yet."""

    def __init__(self, most_items: int = MOST_ITEMS) -> None:
        self._items: deque[Item] = deque()
        self._most_items = most_items
        self._came = asyncio.Event()
        self._end: ParlourError | None = None
        self.position: Position | None = None
        """Where the last item that was put stands."""

    def put(self, item: Item) -> bool:
        """False when there is no room for it; the reader then wants what follows `position`, later."""
        if len(self._items) >= self._most_items:
            return False
        self._items.append(item)
        self.position = item.position
        self._came.set()
        return True

    def end(self, why: ParlourError) -> None:
        """Nothing more comes, for this reason; what came before can still be taken."""
        self._end = why
        self._came.set()

    @property
    def thirsty(self) -> bool:
        """Whether a reader that was full may be fed again."""
        return len(self._items) <= self._most_items // 2

    async def take(self) -> Item:
        """The next item, in order. Raises what `end` was given after the last."""
        while not self._items:
            if self._end is not None:
                raise self._end
            self._came.clear()
            await self._came.wait()
        return self._items.popleft()

    def rest(self) -> list[Item]:
        """What was not taken."""
        rest = list(self._items)
        self._items.clear()
        return rest
