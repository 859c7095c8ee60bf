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
            raise Rejection.of(Code.UNAVAILABLE, "not now")
        return await self.story.replay(app, room, query)

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        await self.gate.wait()
        return await self.story.snapshot(app, room, query)


class Desk:
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
    desk = Desk()
    crowd = [asyncio.create_task(desk.page()) for _ in range(100)]
    snapshots = [asyncio.create_task(desk.shared.snapshot(1, "r", SnapshotQuery())) for _ in range(100)]
    await asyncio.sleep(0)
    crowd[0].cancel()
    desk.slow.gate.set()
    pages = await asyncio.gather(*crowd[1:])
    await asyncio.gather(*snapshots)
    assert len(desk.story.asked) == 2, "one page, one snapshot"
    assert {tuple(view.seq for view in page.events) for page in pages} == {(1, 2, 3, 4, 5)}
    desk.now = PAGE_TTL_S - 0.1
    await desk.page()
    assert len(desk.story.asked) == 2
    desk.now = PAGE_TTL_S + 0.1
    await desk.page()
    assert len(desk.story.asked) == 3


async def test_an_empty_page_is_not_kept_and_few_pages_are() -> None:
    desk = Desk()
    desk.slow.gate.set()
    assert not (await desk.page(10)).events
    desk.story.said("ann", "new")
    assert len((await desk.page(10)).events) == 1, "the log went on"
    for after in range(PAGES_MAX + 5):
        await desk.shared.replay(1, "r", ReplayQuery(desk.story.room_uid, 0, after + 1))
    assert len(desk.shared._pages) == PAGES_MAX  # pyright: ignore[reportPrivateUsage] its limit


async def test_a_refusal_reaches_everybody_and_is_not_kept() -> None:
    desk = Desk()
    desk.slow.gone = True
    desk.slow.gate.set()
    refusals = await asyncio.gather(*(desk.page() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in refusals] == [Rejection] * 3
    desk.slow.gone = False
    assert (await desk.page()).events
