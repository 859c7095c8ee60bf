"""Calls of the past for one reader: what its token's room lets it see."""

import re
from datetime import UTC, datetime
from typing import Protocol

from parlour.contracts import history as h
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.contracts.quality import QualityQuery, QualitySeries
from parlour.contracts.queries import RoomState, SnapshotQuery
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.difference import difference
from parlour.kernel.rejection import Rejection

from .ports import History

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile("[0-9]{1,18}")
TIMES_ABOVE = 10**12
"""A greater number is unix microseconds, a smaller one an event's: no room has so many, and no call was in January 1970."""


class CallQueries(Protocol):
    """The record's answers about calls; the room empty asks about the whole app. Each may raise `Rejection`."""

    async def calls(self, app: int, room: str, query: h.CallsQuery) -> h.Calls:
        """A page of calls."""
        ...

    async def call(self, app: int, room: str, query: h.CallQuery) -> h.OneCall:
        """One."""
        ...

    async def timeline(self, app: int, room: str, query: h.TimelineQuery) -> h.Timeline:
        """A page of its intervals."""
        ...

    async def views(self, app: int, room: str, query: h.ViewsQuery) -> h.Views:
        """A page of who saw what."""
        ...

    async def quality(self, app: int, room: str, query: QualityQuery) -> QualitySeries:
        """A page of its quality samples."""
        ...


class CallHistory:
    """Each question of a reader who has the scope for it."""

    def __init__(self, record: CallQueries, states: History) -> None:
        self._record = record
        self._states = states

    async def calls(self, who: Subscription, room: str, query: h.CallsQuery) -> h.Calls:
        """A page of calls, of `room` where one is named."""
        if room and not who.covers(room):
            raise Rejection.of(Code.FORBIDDEN, "there is no such room for this token", field="room")
        return await self._record.calls(who.app, room or _room(who), query)

    async def call(self, who: Subscription, room_uid: str, min_pos: str = "") -> h.OneCall:
        """One call."""
        return await self._record.call(who.app, _room(who), h.CallQuery(room_uid, min_pos))

    async def timeline(self, who: Subscription, query: h.TimelineQuery) -> h.Timeline:
        """A page of its intervals."""
        return await self._record.timeline(who.app, _room(who), query)

    async def views(self, who: Subscription, query: h.ViewsQuery) -> h.Views:
        """A page of who saw what."""
        return await self._record.views(who.app, _room(who), query)

    async def quality(self, who: Subscription, query: QualityQuery) -> QualitySeries:
        """A page of its quality samples."""
        return await self._record.quality(who.app, _room(who), query)

    async def state(self, who: Subscription, room_uid: str, at: str, min_pos: str = "") -> RoomState:
        """The room as of a moment (see `moment`); as of its last event where `at` is empty."""
        return await self._state(who, await self._name(who, room_uid, min_pos), room_uid, at, "at")

    async def difference(
        self, who: Subscription, room_uid: str, from_: str, to: str, min_pos: str = ""
    ) -> h.StateDifference:
        """Between two moments."""
        if not from_:
            raise invalid(Code.PARAMETER, "from", "from says where to begin", hint="an event's number or a time")
        room = await self._name(who, room_uid, min_pos)
        before = await self._state(who, room, room_uid, from_, "from")
        return difference(before, await self._state(who, room, room_uid, to, "to"))

    async def _name(self, who: Subscription, room_uid: str, min_pos: str) -> str:
        found = (await self.call(who, room_uid, min_pos)).call
        return found.room if found is not None else ""

    async def _state(self, who: Subscription, room: str, room_uid: str, at: str, field: str) -> RoomState:
        seq, time = moment(at, field) if at else (None, None)
        state = (await self._states.snapshot(who.app, room, SnapshotQuery(room_uid, seq, time))).state
        if state is None:
            raise Rejection.of(Code.NOT_FOUND, "there is no such call", field="roomUID")
        return state


def _room(who: Subscription) -> str:
    return who.room or ""


def moment(text: str, field: str) -> tuple[int | None, int | None]:
    """(an event's number, unix microseconds), one of them None. `Invalid` for what is neither."""
    if _NUMBER.fullmatch(text):
        number = int(text)
        return (None, number) if number > TIMES_ABOVE else (number, None)
    return None, microseconds(text, field)


def microseconds(text: str, field: str) -> int:
    """Of an ISO 8601 time (UTC where it names no zone) or a number of them; 0 for nothing."""
    if not text or _NUMBER.fullmatch(text):
        return int(text or 0)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(
            Code.PARAMETER,
            field,
            f"{field} is no time",
            limit="ISO 8601 or unix microseconds",
            hint="2026-11-21T14:03:07Z",
        ) from None
    return round(((found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH).total_seconds() * 1_000_000)
