"""Checks which calls an archive holds, and in which order, against the month in its first line.

Retention writes calls in the order of their ids, which are UUIDv7: their first 48 bits are the millisecond at which the call began. So each
is compared with the one before and with the month, and memory does not grow with the archive.
"""

import re
from calendar import monthrange
from datetime import date
from uuid import UUID

from .layout import ArchiveHeader

DEFAULT = "default"
"""The month of an archive that was written from the default partition: its calls may have begun in any month."""
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


class ArchiveScope:
    """Checks the calls of one archive in the order of the file."""

    def __init__(self, header: ArchiveHeader) -> None:
        """ValueError where the header's month is neither YYYY-MM nor `default`."""
        self._month = header.month
        self._began_ms = None if header.month == DEFAULT else _milliseconds(header.month)
        self._last: UUID | None = None

    def problem(self, room_uid: str) -> str:
        """Says why the next call does not belong in its place; empty where it does."""
        uid, last = UUID(room_uid), self._last
        self._last = uid
        if last is not None and uid == last:
            return "this call is in the archive twice"
        if last is not None and uid.int < last.int:
            why = "an archive has its calls in the order of their ids"
            return f"this call was moved or put in, maybe a second time: {why}"
        if self._began_ms is not None and uid.int >> 80 not in self._began_ms:
            return f"this call did not begin in {self._month}, the month of the archive, as its id says"
        return ""


def _milliseconds(month: str) -> range:
    """The unix milliseconds of a month `YYYY-MM` in UTC."""
    found = _MONTH.fullmatch(month)
    if found is None:
        raise ValueError(f"{month!r} is not a month")
    year, number = int(found[1]), int(found[2])
    begins = (date(year, number, 1).toordinal() - _EPOCH) * _DAY_MS
    return range(begins, begins + monthrange(year, number)[1] * _DAY_MS)
