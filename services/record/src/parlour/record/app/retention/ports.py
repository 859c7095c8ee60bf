"""What retention needs of the world."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.retention import Blocker
from parlour.record.app.archive_index import EndedCall

LEASE = "record.retention"


class MonthCount(msgspec.Struct, frozen=True):
    """Of the lives that began in a month: all, those that are due, those that are open."""

    lives: int
    due: int
    open: int


class WrittenArchive(msgspec.Struct, frozen=True):
    """A file as it was written: its name in the folder, the SHA-256 of its bytes, its bytes, and the events in it."""

    file: str
    sha256: bytes
    size: int
    events: int


class StoredArchive(msgspec.Struct, frozen=True):
    """A file that was noted. `before_us`: the lives of `month` that were over then are in it. `dropped_at` 0: not yet."""

    number: int
    month: str
    before_us: int
    file: str
    sha256: bytes
    size: int
    lives: int
    events: int
    by: str
    exported_at: int
    dropped_at: int
    forgotten: bool
    problem: str


class DropBlocked(Exception):
    """The database did not drop it: something stands against it."""


class DropLocked(Exception):
    """The database did not drop it now: others would have had to wait for too long."""


class LogChanged(Exception):
    """The log is not as it was when the file was written."""


class RetentionStore(Protocol):
    """Months and archives. Methods may raise `LogUnavailable`."""

    async def busy(self) -> bool:
        """Whether some replica holds the lease."""
        ...

    async def months(self) -> tuple[str, ...]:
        """Oldest first, `default` last."""
        ...

    async def census(self, month: str, before_us: int) -> MonthCount:
        """How much of a month is due."""
        ...

    async def blockers(self, month: str, before_us: int) -> tuple[Blocker, ...]:
        """What stands against dropping what is due."""
        ...

    async def ended(self, month: str, before_us: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        """Lives that are due, in the order of their ids."""
        ...

    async def archived(self, number: int, after: UUID, limit: int) -> Sequence[EndedCall]:
        """The lives that were noted with a file, in the order of their ids."""
        ...

    async def archives(self) -> tuple[StoredArchive, ...]:
        """Newest first."""
        ...

    async def note(self, month: str, before_us: int, written: WrittenArchive, by: str) -> StoredArchive:
        """A file is written, and all that is due of the month is in it."""
        ...

    async def refuse(self, number: int, problem: str) -> None:
        """Nothing is to be dropped for this file."""
        ...

    async def drop(self, number: int) -> None:
        """The events are gone when it returns; `Busy`, `Held` or `Changed` where they are not."""
        ...

    async def forget(self, number: int) -> None:
        """History tells of these calls no more."""
        ...


class ArchiveFiles(Protocol):
    """Where the files are."""

    def writing(self, file: str) -> "AbstractAsyncContextManager[ArchiveOutput]":
        """The file is there, whole and on the disk, once the block ends well; otherwise not at all."""
        ...

    def lines(self, file: str, longest: int) -> Iterable[bytes]:
        """Its lines, each at most so long. OSError where it can't be read."""
        ...


class ArchiveOutput(Protocol):
    """A file that is being written."""

    size: int

    def write(self, line: bytes) -> None:
        """One line."""
        ...

    def sha256(self) -> bytes:
        """Of what was written so far."""
        ...
