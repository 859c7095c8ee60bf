"""Stored events as they are, for exports that are checked elsewhere; beside each its data opened with the salts of its texts, empty where a
person was erased."""

from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import invalid
from parlour.contracts.proofs import Exports, ExportsQuery, ExportTaken, StoredEvent, StoredPage, StoredQuery
from parlour.kernel.log import EventLog, LogHead, Record
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import People
from parlour.record.app.archive_index import ArchiveIndex
from parlour.runtime.deciding.readable import Open, open_readable
from parlour.runtime.deciding.sealing import disclosed

PAGE_EVENTS = 500
PAGE_BYTES = 512 * 1024
BY_BYTES = 256
EXPORTS_SHOWN = 500
UNNAMED = "(no name was given)"

_encode = msgspec.json.Encoder().encode


class ExportLog(Protocol):
    """Who exported what."""

    async def note(self, room_uid: UUID, by: str) -> None:
        """Somebody begins to."""
        ...

    async def taken(self, room_uid: UUID | None, at_most: int) -> tuple[ExportTaken, ...]:
        """The latest first."""
        ...


class EventExports:
    """Reads pages of one log."""

    def __init__(
        self, log: EventLog, people: People, open_records: Open, ledger: ExportLog, shelf: ArchiveIndex
    ) -> None:
        self._shelf = shelf
        self._ledger = ledger
        self._log = log
        self._people = people
        self._open = open_records

    async def page(self, query: StoredQuery) -> StoredPage:
        """The events after `after`, as many as one answer carries."""
        if len(query.by.encode()) > BY_BYTES:
            raise invalid(Code.PARAMETER, "by", "the exporter's name is too long", limit=f"{BY_BYTES} bytes")
        head = await self._head(query.room_uid)
        if query.limit < 1:
            return StoredPage(head.log.app, head.log.room, head.seq, head.hash, head.open)
        if query.after <= 0:
            await self._ledger.note(head.log.uid, query.by or UNNAMED)
        records = await self._log.read(head.log.uid, max(0, query.after), min(query.limit, PAGE_EVENTS))
        views = await open_readable(self._open, self._people, records)
        events: list[StoredEvent] = []
        size = 0
        for record, (view, salts) in zip(records, await disclosed(self._people, records, views), strict=True):
            event = _event(record, view, salts)
            size += len(_encode(event))
            if events and size > PAGE_BYTES:
                break
            events.append(event)
        return StoredPage(head.log.app, head.log.room, head.seq, head.hash, head.open, tuple(events))

    async def exports(self, query: ExportsQuery) -> Exports:
        """Who exported what."""
        only = _uid(query.room_uid) if query.room_uid else None
        if only is not None and await self._log.head(only) is None and await self._shelf.find(only) is None:
            raise _no_log()
        return Exports(await self._ledger.taken(only, EXPORTS_SHOWN))

    async def _head(self, room_uid: str) -> LogHead:
        uid = _uid(room_uid)
        head = await self._log.head(uid)
        if head is not None:
            return head
        shelved = await self._shelf.find(uid)
        raise _no_log() if shelved is None else shelved.rejection("room_uid")


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _no_log() from None


def _no_log() -> Rejection:
    return Rejection.of(Code.NOT_FOUND, "there is no such log", field="room_uid")


def _event(record: Record, view: EventView | None, salts: dict[str, bytes]) -> StoredEvent:
    if view is None:
        return StoredEvent(record.seq, record.at, record.env, record.prev, record.hash)
    return StoredEvent(
        record.seq, record.at, record.env, record.prev, record.hash, view.data, view.user_id, view.erased, salts
    )
