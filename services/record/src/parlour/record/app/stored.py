"""Stored events as they are, for exports that are checked elsewhere; beside each its data opened, empty where a person was erased."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.proofs import StoredEvent, StoredPage, StoredQuery
from parlour.kernel.log import EventLog, LogHead, Record
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People

PAGE_EVENTS = 500
PAGE_BYTES = 512 * 1024

_encode = msgspec.json.Encoder().encode
Open = Callable[[People, tuple[Record, ...]], Awaitable[tuple[EventView, ...]]]


class Stored:
    """Reads pages of one log."""

    def __init__(self, log: EventLog, people: People, open_records: Open) -> None:
        self._log = log
        self._people = people
        self._open = open_records

    async def page(self, query: StoredQuery) -> StoredPage:
        """The events after `after`, as many as one answer carries."""
        head = await self._head(query.room_uid)
        records = await self._log.read(head.log.uid, max(0, query.after), max(1, min(query.limit, PAGE_EVENTS)))
        views = await self._views(records)
        events: list[StoredEvent] = []
        size = 0
        for record, view in zip(records, views, strict=True):
            event = _event(record, view)
            size += len(_encode(event))
            if events and size > PAGE_BYTES:
                break
            events.append(event)
        return StoredPage(head.log.app, head.log.room, head.seq, head.hash, head.open, tuple(events))

    async def _head(self, room_uid: str) -> LogHead:
        try:
            head = await self._log.head(UUID(room_uid))
        except ValueError:
            head = None
        if head is None:
            raise Rejection.of(Code.NOT_FOUND, "there is no such log", field="room_uid")
        return head

    async def _views(self, records: tuple[Record, ...]) -> tuple[EventView | None, ...]:
        """What does not open is exported all the same: an export that is to show damage must not fail on it."""
        try:
            return await self._open(self._people, records)
        except (ValueError, LookupError, msgspec.DecodeError):
            if len(records) == 1:
                return (None,)
        return tuple([(await self._views((record,)))[0] for record in records])


def _event(record: Record, view: EventView | None) -> StoredEvent:
    if view is None:
        return StoredEvent(record.seq, record.at, record.env, record.prev, record.hash)
    return StoredEvent(
        record.seq, record.at, record.env, record.prev, record.hash, view.data, view.user_id, view.erased
    )
