"""Lives of rooms that are in the database no more: in which file they are."""

from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.history import ArchivedCalls
from parlour.kernel.rejection import Rejection


class EndedCall(msgspec.Struct, frozen=True):
    """A call that has ended: its last event's number `seq` and chain hash, as its row in the log has them."""

    uid: UUID
    app: int
    room: str
    seq: int
    hash: bytes


class ArchivedCall(msgspec.Struct, frozen=True):
    """A life and its file."""

    life: EndedCall
    file: str

    def rejection(self, field: str = "roomUID") -> Rejection:
        """The answer to whoever asks for its events."""
        hint = "whoever runs this server has the file; parlour audit verify proves it"
        return Rejection.of(Code.ARCHIVED, f"archived in {self.file}", field=field, hint=hint)


class ArchiveIndex(Protocol):
    """Asked only where the log has no such life. Methods may raise `LogUnavailable`."""

    async def find(self, room_uid: UUID) -> ArchivedCall | None:
        """None: it was never archived."""
        ...

    async def calls(self, app: int, room: str, from_at: int, to_at: int) -> tuple[ArchivedCalls, ...]:
        """Files with calls of an app, maybe of one room, that began in a time (0: no bound); the newest first."""
        ...
