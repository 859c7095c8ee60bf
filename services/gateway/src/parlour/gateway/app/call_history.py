"""Calls of the past for one reader: what its token's room lets it see, asked of the record."""

import re
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from parlour.contracts import history as h
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.contracts.queries import RoomState, SnapshotQuery
from parlour.contracts.subscriptions import Subscription
from parlour.kernel.difference import difference
from parlour.kernel.rejection import Rejection

from .access.token_verifier import check_room
from .ports import History, RecordQueries

A = TypeVar("A", bound=msgspec.Struct)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile("[0-9]{1,18}")
TIMES_ABOVE = 10**12
"""A greater number is unix microseconds, a smaller one an event's: no room has so many, and no call was in January 1970."""


class CallHistory:
    """Answers a reader whose token has the scope `history`. Each method may raise the record's `Rejection`."""

    def __init__(self, record: RecordQueries, states: History) -> None:
        self._record = record
        self._states = states

    async def query(self, grant: Subscription, name: str, query: msgspec.Struct, kind: type[A], room: str = "") -> A:
        """Asks the record's query `name`: about `room` where one is named, else about the token's room, else about the whole app."""
        check_room(grant, room)
        return await self._record.query(grant.app, room or grant.room or "", name, query, kind)

    async def state(self, grant: Subscription, room_uid: str, at: str, min_pos: str = "") -> RoomState:
        """Returns the room as of a moment (see `parse_moment`); as of its last event where `at` is empty."""
        return await self._state(grant, await self._room_of(grant, room_uid, min_pos), room_uid, at, "at")

    async def difference(
        self, grant: Subscription, room_uid: str, from_: str, to: str, min_pos: str = ""
    ) -> h.StateDifference:
        """Returns what is different in a room between two moments; the later one may be empty, for its last event."""
        if not from_:
            raise invalid(Code.PARAMETER, "from", "from says where to begin", hint="an event's number or a time")
        room = await self._room_of(grant, room_uid, min_pos)
        before = await self._state(grant, room, room_uid, from_, "from")
        return difference(before, await self._state(grant, room, room_uid, to, "to"))

    async def _room_of(self, grant: Subscription, room_uid: str, min_pos: str) -> str:
        found = await self.query(grant, "call", h.CallQuery(room_uid, min_pos), h.OneCall)
        return found.call.room if found.call is not None else ""

    async def _state(self, grant: Subscription, room: str, room_uid: str, at: str, field: str) -> RoomState:
        seq, time = parse_moment(at, field) if at else (None, None)
        state = (await self._states.snapshot(grant.app, room, SnapshotQuery(room_uid, seq, time))).state
        if state is None:
            raise Rejection(Code.NOT_FOUND, "there is no such call", field="roomUID")
        return state


def parse_moment(text: str, field: str) -> tuple[int | None, int | None]:
    """Parses a moment as (an event's number, unix microseconds), one of them None. `Invalid` for what is neither."""
    if _NUMBER.fullmatch(text):
        number = int(text)
        return (None, number) if number > TIMES_ABOVE else (number, None)
    return None, parse_microseconds(text, field)


def parse_microseconds(text: str, field: str) -> int:
    """Parses an ISO 8601 time (UTC where it names no zone) or a number as unix microseconds; 0 for an empty text."""
    if not text or _NUMBER.fullmatch(text):
        return int(text or 0)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(
            Code.PARAMETER, field, f"{field} is no time", limit="ISO 8601 or unix microseconds",
            hint="2026-11-21T14:03:07Z",
        ) from None  # fmt: skip
    return round(((found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH).total_seconds() * 1_000_000)
