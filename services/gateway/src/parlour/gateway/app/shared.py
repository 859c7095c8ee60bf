"""The record's answers shared among those who ask the same at about the same time.

When thousands of clients come back at once they hold few different positions: each page is read once for all of them. A page that was
kept is still true, since what is recorded never changes; that the log has gone on since then is the feed's to tell.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery

from .ports import History

KEPT_S = 2.0
PAGES_KEPT = 32
"""At most half a megabyte each."""

A = TypeVar("A")
Asked = tuple[int, str, ReplayQuery | SnapshotQuery]


class SharedHistory:
    """A `History` that asks another one. `now`: seconds of a clock that never goes back."""

    def __init__(self, history: History, now: Callable[[], float]) -> None:
        self._history = history
        self._now = now
        self._asking: dict[Asked, asyncio.Future[Replay] | asyncio.Future[Snapshot]] = {}
        self._kept: OrderedDict[Asked, tuple[float, Replay]] = OrderedDict()

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        """See `History`. Pages with events are kept for a moment."""
        asked = (app, room, query)
        kept = self._kept.get(asked)
        if kept is not None and self._now() - kept[0] < KEPT_S:
            return kept[1]
        page = await self._once(asked, lambda: self._history.replay(app, room, query))
        if page.events:
            self._kept[asked] = (self._now(), page)
            self._kept.move_to_end(asked)
            if len(self._kept) > PAGES_KEPT:
                self._kept.popitem(last=False)
        return page

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        """See `History`."""
        return await self._once((app, room, query), lambda: self._history.snapshot(app, room, query))

    async def _once(self, asked: Asked, ask: Callable[[], Awaitable[A]]) -> A:
        """One question under way for all who ask it; who gives up does not end it for the others."""
        under_way: asyncio.Future[A] | None = self._asking.get(asked)  # pyright: ignore[reportAssignmentType] by the kind of question
        if under_way is None:
            under_way = asyncio.ensure_future(ask())
            self._asking[asked] = under_way  # pyright: ignore[reportArgumentType] as above
            under_way.add_done_callback(lambda done: self._answered(asked, done))
        return await asyncio.shield(under_way)

    def _answered(self, asked: Asked, done: "asyncio.Future[A]") -> None:
        del self._asking[asked]
        if not done.cancelled():
            done.exception()  # whoever still waits raises it
