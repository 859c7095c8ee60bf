"""The record's answers about calls over the bus."""

from typing import Any, TypeVar

import msgspec

from parlour.contracts import history as h
from parlour.contracts import subjects
from parlour.contracts.quality import QualityQuery, QualitySeries
from parlour.contracts.queries import OpenRooms, RoomsQuery
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus

WITHIN_S = 5.0
A = TypeVar("A", bound=msgspec.Struct)


class BusCalls:
    """See `app.calls.CallRecord`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def calls(self, app: int, room: str, query: h.CallsQuery) -> h.Calls:
        """A page of calls."""
        return await self._ask(app, room, "calls", query, h.Calls)

    async def rooms(self, app: int, room: str, query: RoomsQuery) -> OpenRooms:
        """A page of open rooms."""
        return await self._ask(app, room, "rooms", query, OpenRooms)

    async def call(self, app: int, room: str, query: h.CallQuery) -> h.OneCall:
        """One."""
        return await self._ask(app, room, "call", query, h.OneCall)

    async def timeline(self, app: int, room: str, query: h.TimelineQuery) -> h.Timeline:
        """A page of its intervals."""
        return await self._ask(app, room, "timeline", query, h.Timeline)

    async def views(self, app: int, room: str, query: h.ViewsQuery) -> h.Views:
        """A page of who saw what."""
        return await self._ask(app, room, "views", query, h.Views)

    async def quality(self, app: int, room: str, query: QualityQuery) -> QualitySeries:
        """A page of its quality samples."""
        return await self._ask(app, room, "quality", query, QualitySeries)

    async def _ask(self, app: int, room: str, what: str, query: msgspec.Struct, kind: type[A]) -> A:
        answer: Any = await self._bus.request(subjects.query(app, room, what), query, kind, WITHIN_S)
        if answer.problem is not None:
            raise Rejection(answer.problem)
        return answer
