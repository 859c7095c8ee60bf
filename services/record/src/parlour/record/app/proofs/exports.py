"""Stored events byte for byte, for exports that are verified elsewhere, and the log of who exported what.

Beside each event its data is opened, with the salts that its texts are checked by; both are empty where a person was erased.
"""

from typing import Protocol
from uuid import UUID

from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import invalid
from parlour.contracts.proofs import Exports, ExportsQuery, ExportTaken, StoredEvent, StoredPage, StoredQuery
from parlour.kernel.log import EventLog, LogHead, Record
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app.archive_index import ArchiveIndex
from parlour.record.app.paging import EVENTS_PER_ANSWER, fit_answer
from parlour.runtime.deciding.sealing import disclose_texts, open_readable, open_records

EXPORTER_BYTES = 256
EXPORTS_SHOWN = 500
UNNAMED_EXPORTER = "(no name was given)"


class ExportLog(Protocol):
    """Stores who exported what. Methods may raise `LogUnavailable`."""

    async def add(self, room_uid: UUID, by: str) -> None:
        """Stores that somebody begins to export a log; committed when it returns."""
        ...

    async def latest(self, room_uid: UUID | None, at_most: int) -> tuple[ExportTaken, ...]:
        """Returns exports, of one log or of all, the latest first."""
        ...


class EventExports:
    """Answers questions about stored events and exports. Methods may raise `LogUnavailable`."""

    def __init__(self, log: EventLog, people: UserKeyStore, exports: ExportLog, archives: ArchiveIndex) -> None:
        self._log = log
        self._people = people
        self._exports = exports
        self._archives = archives

    async def page(self, query: StoredQuery) -> StoredPage:
        """Returns as many events behind `after` as one answer carries, and logs an export that begins at the first event."""
        if len(query.by.encode()) > EXPORTER_BYTES:
            limit = f"{EXPORTER_BYTES} bytes"
            raise invalid(Code.PARAMETER, "by", "the exporter's name is too long", limit=limit)
        head = await self._head(query.room_uid)
        events: tuple[StoredEvent, ...] = ()
        if query.limit >= 1:
            if query.after <= 0:
                await self._exports.add(head.log.uid, query.by or UNNAMED_EXPORTER)
            events = await self._events(head.log.uid, max(0, query.after), min(query.limit, EVENTS_PER_ANSWER))
        return StoredPage(head.log.app, head.log.room, head.seq, head.hash, head.open, events)

    async def _events(self, uid: UUID, after: int, limit: int) -> tuple[StoredEvent, ...]:
        records = await self._log.read(uid, after, limit)
        views = await open_readable(open_records, self._people, records)
        opened = await disclose_texts(self._people, records, views)
        return fit_answer([_event(record, *one) for record, one in zip(records, opened, strict=True)])

    async def exports(self, query: ExportsQuery) -> Exports:
        """Returns who exported what, of one log if the query names it."""
        only = _uid(query.room_uid) if query.room_uid else None
        if only is not None and await self._log.head(only) is None and await self._archives.find(only) is None:
            raise _no_log()
        return Exports(await self._exports.latest(only, EXPORTS_SHOWN))

    async def _head(self, room_uid: str) -> LogHead:
        uid = _uid(room_uid)
        head = await self._log.head(uid)
        if head is not None:
            return head
        archived = await self._archives.find(uid)
        raise _no_log() if archived is None else archived.rejection("room_uid")


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _no_log() from None


def _no_log() -> Rejection:
    return Rejection(Code.NOT_FOUND, "there is no such log", field="room_uid")


def _event(record: Record, view: EventView | None, salts: dict[str, bytes]) -> StoredEvent:
    if view is None:
        return StoredEvent(record.seq, record.at, record.env, record.prev, record.hash)
    return StoredEvent(
        record.seq, record.at, record.env, record.prev, record.hash, view.data, view.user_id, view.erased, salts
    )
