"""Reads a room's log over NATS: events page by page, and the room's state as of a moment.

Live events only wake the reader, which then asks for the events after the last one it has: so no event is missed or comes twice, and the
order is the log's.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Replay, ReplayQuery, RoomState, Snapshot, SnapshotQuery
from parlour.kernel.paging import whole
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus, check_answer
from parlour.runtime.retry import wait_at_most

EVENTS_PER_PAGE = 500
POLL_S = 1.0
"""How often the log is asked while no live event comes: one may be lost."""
ANSWER_TIMEOUT_S = 10.0


class RoomLog:
    """The log of one room of one app, read over one connection."""

    def __init__(self, bus: Bus, app: int, room: str) -> None:
        self._bus = bus
        self._app = app
        self._room = room

    async def events(self, after: int = 0, *, call: str = "", follow: bool = False) -> AsyncIterator[EventView]:
        """Yields the events of one call with a number above `after`; with `follow` also those to come, through later calls.

        `call` is a roomUID; empty means the latest.
        """
        woken = asyncio.Event()
        if follow:
            await self._subscribe(woken)
        while True:
            woken.clear()
            page = await self._page(call, after)
            for event in page.events:
                after = event.seq
                yield event
            call = page.head.room_uid or call
            if page.more:
                continue
            if not follow:
                return
            if call and not page.head.open and await self._has_later_call(call):
                call, after = "", 0
                continue
            await wait_at_most(woken, POLL_S)

    async def state(self, *, seq: int | None = None, at: int | None = None, call: str = "") -> RoomState:
        """Returns the room as of an event's number or a time in unix microseconds; as of now without both."""
        subject = subjects.service_query(self._app, self._room, "snapshot")
        query = SnapshotQuery(call, seq, at)
        answer = await whole(lambda page: self._bus.request(subject, page, Snapshot, ANSWER_TIMEOUT_S), query)
        state = check_answer(answer).state
        if state is None:
            raise Rejection(Code.NOT_FOUND, f"room {self._room!r} was never opened")
        return state

    async def _page(self, call: str, after: int) -> Replay:
        subject = subjects.service_query(self._app, self._room, "replay")
        query = ReplayQuery(call, after, EVENTS_PER_PAGE)
        return check_answer(await self._bus.request(subject, query, Replay, ANSWER_TIMEOUT_S))

    async def _has_later_call(self, call: str) -> bool:
        """Whether the room was opened again since that call."""
        return (await self._page("", 0)).head.room_uid != call

    async def _subscribe(self, woken: asyncio.Event) -> None:
        async def receive(*_: object) -> None:
            woken.set()

        await self._bus.subscribe(subjects.events_of_room(self._app, self._room), receive)


def parse_moment(text: str, now: datetime | None = None) -> tuple[int | None, int | None]:
    """Parses `--at`: a number is an event's, anything else a time: `2026-11-21T14:03:07Z`, or `14:03:07` for today (UTC).

    Returns (seq, unix microseconds), one of them None. ValueError for a text that is neither.
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
