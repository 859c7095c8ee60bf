"""Pages of the log's shards, read once for all endpoints that come by at about the same time."""

import asyncio
from collections import OrderedDict

from parlour.kernel.log import EventLog, Record

PAGE = 200
KEPT = 64
"""Pages in memory, a few hundred kilobytes each at most."""

Key = tuple[int, int, int]


class PageCache:
    """`read` gives the events of a shard behind a position, at most `PAGE`, up to a head that is known to be there."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._pages: OrderedDict[Key, asyncio.Task[tuple[Record, ...]]] = OrderedDict()

    async def read(self, p: int, after: int, head: int) -> tuple[Record, ...]:
        """Askers of the same page share one query."""
        key = (p, after, head)
        page = self._pages.get(key)
        if page is None or page.cancelled() or (page.done() and page.exception() is not None):
            page = self._pages[key] = asyncio.get_running_loop().create_task(self._log.read_shard(p, after, PAGE))
            if len(self._pages) > KEPT:
                self._pages.popitem(last=False)
        return await asyncio.shield(page)
