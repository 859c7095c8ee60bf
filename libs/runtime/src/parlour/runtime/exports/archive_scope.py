"""Which calls of rooms an archive may hold, and in which order, as its first line says.

Retention writes calls in the order of their ids, which are UUIDv7: their first 48 bits are the millisecond at which the call began. So each
is compared with the one before and with the month, and memory does not grow with the archive.
"""

import re
from calendar import monthrange
from datetime import date
from uuid import UUID

from .layout import ArchiveHeader

DEFAULT = "default"
"""The month of an archive whose events lay in the partition for months that nobody prepared: its calls may have begun in any."""
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


class ArchiveScope:
    """Follows the calls of one archive in the order of the file."""

    def __init__(self, header: ArchiveHeader) -> None:
        """ValueError where the header's month is neither YYYY-MM nor `default`."""
        self._month = header.month
        self._began_ms = None if header.month == DEFAULT else _milliseconds(header.month)
        self._last: UUID | None = None

    def problem(self, room_uid: str) -> str:
        """Why the next call does not belong in its place; empty: it does."""
        uid, last = UUID(room_uid), self._last
        self._last = uid
        if last is not None and uid == last:
            return "this call stands in the archive twice"
        if last is not None and uid.int < last.int:
            return (
                "this call was moved or put in, maybe a second time: an archive has its calls in the order of their ids"
            )
        if self._began_ms is not None and uid.int >> 80 not in self._began_ms:
            return f"this call did not begin in {self._month}, the month of the archive, as its id says"
        return ""


def _milliseconds(month: str) -> range:
    """The milliseconds of a month in UTC, since 1970."""
    found = _MONTH.fullmatch(month)
    if found is None:
        raise ValueError(f"{month!r} is no month")
    year, number = int(found[1]), int(found[2])
    begins = (date(year, number, 1).toordinal() - _EPOCH) * _DAY_MS
    return range(begins, begins + monthrange(year, number)[1] * _DAY_MS)
