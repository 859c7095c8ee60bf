"""Cache of pages of the log's shards, read once for all endpoints that reach them at about the same time."""

import asyncio
from collections import OrderedDict

from parlour.kernel.log import EventLog, Record

EVENTS_PER_PAGE = 200
PAGES_CACHED = 64
"""Pages in memory, a few hundred kilobytes each at most."""


class PageCache:
    """Shared by the workers of a process."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._pages: OrderedDict[tuple[int, int, int], asyncio.Task[tuple[Record, ...]]] = OrderedDict()

    async def read(self, p: int, after: int, head: int) -> tuple[Record, ...]:
        """Returns at most `EVENTS_PER_PAGE` events of shard `p` behind `after`; askers of one page share one query.

        `head` is a position that the shard is known to have: a page is not cached beyond it. May raise `LogUnavailable`.
        """
        key = (p, after, head)
        page = self._pages.get(key)
        if page is None or page.cancelled() or (page.done() and page.exception() is not None):
            read = self._log.read_shard(p, after, EVENTS_PER_PAGE)
            page = self._pages[key] = asyncio.get_running_loop().create_task(read)
            if len(self._pages) > PAGES_CACHED:
                self._pages.popitem(last=False)
        return await asyncio.shield(page)
