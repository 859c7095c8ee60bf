"""Many who ask the record the same are one who asks."""

import asyncio

from parlour.contracts.codes import Code
from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.gateway.app.delivery.history_cache import PAGE_TTL_S, PAGES_MAX, SharedHistory
from parlour.kernel.rejection import Rejection
from parlour.testkit.story import Story


class Slow:
    """A record that answers when it is told to."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.gate = asyncio.Event()
        self.gone = False

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        await self.gate.wait()
        if self.gone:
            raise Rejection(Code.UNAVAILABLE, "not now")
        return await self.story.replay(app, room, query)

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        await self.gate.wait()
        return await self.story.snapshot(app, room, query)


class CacheHarness:
    def __init__(self) -> None:
        self.story = Story()
        self.story.opened()
        for n in range(9):
            self.story.said("ann", str(n))
        self.now = 0.0
        self.slow = Slow(self.story)
        self.shared = SharedHistory(self.slow, lambda: self.now)

    async def page(self, after: int = 0) -> Replay:
        return await self.shared.replay(1, "r", ReplayQuery(self.story.room_uid, after, 5))


async def test_a_crowd_asks_once_and_late_comers_for_a_moment_not_at_all() -> None:
    harness = CacheHarness()
    crowd = [asyncio.create_task(harness.page()) for _ in range(100)]
    snapshots = [asyncio.create_task(harness.shared.snapshot(1, "r", SnapshotQuery())) for _ in range(100)]
    await asyncio.sleep(0)
    crowd[0].cancel()
    harness.slow.gate.set()
    pages = await asyncio.gather(*crowd[1:])
    await asyncio.gather(*snapshots)
    assert len(harness.story.asked) == 2, "one page, one snapshot"
    assert {tuple(view.seq for view in page.events) for page in pages} == {(1, 2, 3, 4, 5)}
    harness.now = PAGE_TTL_S - 0.1
    await harness.page()
    assert len(harness.story.asked) == 2
    harness.now = PAGE_TTL_S + 0.1
    await harness.page()
    assert len(harness.story.asked) == 3


async def test_an_empty_page_is_not_kept_and_few_pages_are() -> None:
    harness = CacheHarness()
    harness.slow.gate.set()
    assert not (await harness.page(10)).events
    harness.story.said("ann", "new")
    assert len((await harness.page(10)).events) == 1, "the log went on"
    for after in range(PAGES_MAX + 5):
        await harness.shared.replay(1, "r", ReplayQuery(harness.story.room_uid, 0, after + 1))
    assert len(harness.shared._pages) == PAGES_MAX  # pyright: ignore[reportPrivateUsage] its limit


async def test_a_refusal_reaches_everybody_and_is_not_kept() -> None:
    harness = CacheHarness()
    harness.slow.gone = True
    harness.slow.gate.set()
    refusals = await asyncio.gather(*(harness.page() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in refusals] == [Rejection] * 3
    harness.slow.gone = False
    assert (await harness.page()).events
