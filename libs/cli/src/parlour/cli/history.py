"""A room's log as an asker sees it: pages that follow each other without a gap, and state as of a moment.

Live events only wake the reader, which then asks for what comes after the last event it has: so nothing is missed,
nothing comes twice, and order is the log's.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time

from parlour.contracts import subjects
from parlour.contracts.codes import Code, Problem
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Replay, ReplayQuery, RoomState, Snapshot, SnapshotQuery
from parlour.kernel.paging import whole
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

PAGE = 500
LOOK_AGAIN_S = 1.0
"""A wake-up may be lost; the log is asked anyway, this often."""
ANSWER_WITHIN_S = 10.0


class Room:
    """One room name of one app, asked over one connection."""

    def __init__(self, bus: Bus, app: int, room: str) -> None:
        self._bus = bus
        self._app = app
        self._room = room

    async def events(self, after: int = 0, *, life: str = "", follow: bool = False) -> AsyncIterator[EventView]:
        """Events of one life with a number above `after`; with `follow` also those to come, through later lives."""
        woken = asyncio.Event()
        if follow:
            await self._wake(woken)
        while True:
            woken.clear()
            page = await self._page(life, after)
            for event in page.events:
                after = event.seq
                yield event
            life = page.head.room_uid or life
            if page.more:
                continue
            if not follow:
                return
            if life and not page.head.open and await self._next_life(life):
                life, after = "", 0
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await woken.wait()

    async def state(self, *, seq: int | None = None, at: int | None = None, life: str = "") -> RoomState:
        """The room as of an event's number or a time in unix microseconds; now without both."""
        subject = subjects.service_query(self._app, self._room, "snapshot")
        query = SnapshotQuery(life, seq, at)
        answer = await whole(lambda page: self._bus.request(subject, page, Snapshot, ANSWER_WITHIN_S), query)
        if answer.problem is not None:
            raise Rejection(answer.problem)
        if answer.state is None:
            raise Rejection(Problem(int(Code.NOT_FOUND), f"room {self._room!r} was never opened"))
        return answer.state

    async def _page(self, life: str, after: int) -> Replay:
        subject = subjects.service_query(self._app, self._room, "replay")
        page = await self._bus.request(subject, ReplayQuery(life, after, PAGE), Replay, ANSWER_WITHIN_S)
        if page.problem is not None:
            raise Rejection(page.problem)
        return page

    async def _next_life(self, life: str) -> bool:
        """Whether the name was opened again since."""
        return (await self._page("", 0)).head.room_uid != life

    async def _wake(self, woken: asyncio.Event) -> None:
        async def receive(*_: object) -> None:
            woken.set()

        await self._bus.subscribe(subjects.events_of_room(self._app, self._room), receive)


def moment(text: str, now: datetime | None = None) -> tuple[int | None, int | None]:
    """`--at`: a number is an event's, anything else a time: `2026-11-21T14:03:07Z`, or `14:03:07` for today (UTC).

    Gives (seq, unix microseconds), one of them None; ValueError for what is neither.
    """
    if text.isdigit():
        return int(text), None
    with contextlib.suppress(ValueError):
        today = (now or datetime.now(UTC)).date()
        return None, _microseconds(datetime.combine(today, time.fromisoformat(text), UTC))
    found = datetime.fromisoformat(text)
    return None, _microseconds(found if found.tzinfo else found.replace(tzinfo=UTC))


def _microseconds(at: datetime) -> int:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return round((at - epoch).total_seconds() * 1_000_000)
