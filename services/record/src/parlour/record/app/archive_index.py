"""Index of archived calls: which archive file holds a call that is no longer in the database."""

from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.history import ArchivedCalls
from parlour.kernel.rejection import Rejection


class EndedCall(msgspec.Struct, frozen=True):
    """A call that has ended, with the number and the chain hash of its last event."""

    uid: UUID
    app: int
    room: str
    seq: int
    hash: bytes


class ArchivedCall(msgspec.Struct, frozen=True):
    """An ended call and the name of the file that holds it."""

    call: EndedCall
    file: str

    def rejection(self, field: str = "roomUID") -> Rejection:
        """Returns what an asker for the call's events gets; `field` is the one that named the call."""
        hint = "whoever runs this server has the file; parlour audit verify proves it"
        return Rejection(Code.ARCHIVED, f"archived in {self.file}", field=field, hint=hint)


class ArchiveIndex(Protocol):
    """Asked only about calls that the log does not have. Methods may raise `LogUnavailable`."""

    async def find(self, room_uid: UUID) -> ArchivedCall | None:
        """Returns None for a call that was never archived."""
        ...

    async def calls(self, app: int, room: str, from_at: int, to_at: int) -> tuple[ArchivedCalls, ...]:
        """Returns the files, newest first, with calls of an app (and of `room` if given) begun within a time (0: no bound)."""
        ...
