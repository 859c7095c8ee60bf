"""The record's answers, shared among those who ask the same at about the same time.

When thousands of clients come back at once they hold few different positions: each page is read once for all of them. A cached page stays
true, since what is recorded never changes; that the log has gone on since then is for the room's feed to tell.
"""

from collections.abc import Callable

from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.gateway.app.ports import History
from parlour.runtime.cache import Cache, SingleFlight

PAGE_TTL_S = 2.0
PAGES_MAX = 32
"""Most pages in memory, of at most half a megabyte each."""

Query = tuple[int, str, ReplayQuery | SnapshotQuery]


class SharedHistory:
    """A `History` that asks another one. `now`: seconds of a clock that never goes back."""

    def __init__(self, history: History, now: Callable[[], float]) -> None:
        self._history = history
        self._questions = SingleFlight[Query]()
        self._pages = Cache[Query, Replay](PAGES_MAX, PAGE_TTL_S, now)

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        """Asks for a page; pages with events are cached for `PAGE_TTL_S`."""
        key = (app, room, query)
        page = self._pages.get(key)
        if page is None:
            page = await self._questions.run(key, lambda: self._history.replay(app, room, query))
            if page.events:
                self._pages.put(key, page)
        return page

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        """Asks for a snapshot; callers who ask at the same time share one answer."""
        return await self._questions.run((app, room, query), lambda: self._history.snapshot(app, room, query))
