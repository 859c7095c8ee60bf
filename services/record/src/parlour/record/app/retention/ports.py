"""What retention needs: the months and archives in the database, and the folder of archive files. Times are unix microseconds."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.retention import Blocker
from parlour.record.app.archive_index import EndedCall

LEASE = "record.retention"


class MonthCount(msgspec.Struct, frozen=True):
    """How many calls began in a month, how many of them are due to be dropped, and how many are open."""

    calls: int
    due: int
    open: int


class WrittenArchive(msgspec.Struct, frozen=True):
    """A file as it was written: its name in the folder, the SHA-256 and number of its bytes, and the events in it."""

    file: str
    sha256: bytes
    size: int
    events: int


class StoredArchive(msgspec.Struct, frozen=True):
    """A file's row: it holds the calls of `month` that had ended before `before_us`. `dropped_at` 0: they are still in the database."""

    number: int
    month: str
    before_us: int
    file: str
    sha256: bytes
    size: int
    calls: int
    events: int
    by: str
    exported_at: int
    dropped_at: int
    forgotten: bool
    problem: str


class DropBlocked(Exception):
    """The database did not drop the month: a hold, a person or a lagging reader stands against it."""


class DropLocked(Exception):
    """The database did not drop the month now: others would have waited too long for its locks."""


class LogChanged(Exception):
    """The log is not as it was when the file was written."""


class RetentionStore(Protocol):
    """The months and archives in the database. Methods may raise `LogUnavailable`."""

    async def is_leased(self) -> bool:
        """Returns whether some replica holds the lease."""
        ...

    async def months(self) -> tuple[str, ...]:
        """Returns the months in the database, oldest first, `default` last."""
        ...

    async def count(self, month: str, before_us: int) -> MonthCount:
        """Counts a month's calls; those that ended before `before_us` are due."""
        ...

    async def blockers(self, month: str, before_us: int) -> tuple[Blocker, ...]:
        """Returns what stands against dropping what is due."""
        ...

    async def ended_calls(self, month: str, before_us: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        """Returns a page of the calls that are due, in the order of their ids."""
        ...

    async def archived_calls(self, number: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        """Returns a page of the calls stored with an archive, in the order of their ids."""
        ...

    async def archives(self) -> tuple[StoredArchive, ...]:
        """Returns all archives, newest first."""
        ...

    async def add(self, month: str, before_us: int, written: WrittenArchive, by: str) -> StoredArchive:
        """Stores that a file holds all that is due of a month."""
        ...

    async def refuse(self, number: int, problem: str) -> None:
        """Stores why nothing may be dropped for an archive."""
        ...

    async def drop(self, number: int) -> None:
        """Drops the archive's events from the database. `DropLocked`, `DropBlocked` or `LogChanged` if they are still there."""
        ...

    async def forget(self, number: int) -> None:
        """Deletes the archive's calls from the projections."""
        ...


class ArchiveFiles(Protocol):
    """The folder of archives. Methods may raise OSError."""

    def create(self, file: str) -> "AbstractAsyncContextManager[ArchiveOutput]":
        """Opens a file that exists, whole and on disk, once the block ends well; otherwise not at all."""
        ...

    def lines(self, file: str, longest: int) -> Iterable[bytes]:
        """Returns a file's lines, a longer one than `longest` in pieces."""
        ...


class ArchiveOutput(Protocol):
    """A file that is being written; `size` counts its bytes so far."""

    size: int

    def write(self, line: bytes) -> None:
        """Appends one line to the file."""
        ...

    def sha256(self) -> bytes:
        """Returns the SHA-256 of the bytes so far."""
        ...
