"""The lines of an export: JSON objects, one a line. First the header, then the events in order, last the end.

An archive holds many exports: a line of its own first, the exports one after the other, and a last line that counts them. Its exports have
nobody's texts opened (`view`, `user`): what they say can be read as long as the person's key is there, and not when it is gone.
`docs/how-to/audit.md` describes both for those who write a verifier of their own.
"""

from typing import Annotated

import msgspec

from parlour.contracts.proofs import Consistency, Inclusion

KIND = "parlour.audit.v1"
ARCHIVE = "parlour.archive.v1"
END_MARK = b'{"end":'
ARCHIVE_END_MARK = b'{"archive_end":'
LINE_BYTES = 1 << 20
"""An event has at most some ten kilobytes; a longer line is no event."""
Int8 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""What the database can hold, and a hash be made of: nobody's file makes the verifier count further."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file is. `proof` is the signed head that the events lead to; none where no checkpoint had the room yet.

    `consistency` proves that the signed tree continues one that the auditor holds, where the export was asked for it.
    """

    kind: str
    app: Int8
    room: str
    room_uid: str
    exported_at: Int8
    exported_by: str
    proof: Inclusion | None = None
    consistency: Consistency | None = None


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event. `prev` stands here only where the database cites another hash than that of the event before.

    `salts` holds by field what an opened text is checked with: see `parlour.contracts.sealed_text`.
    """

    seq: Int8
    at: Int8
    env: bytes
    hash: bytes
    prev: bytes = b""
    view: msgspec.Raw = msgspec.Raw(b"null")
    user: str = ""
    erased: bool = False
    salts: dict[str, bytes] = {}


class End(msgspec.Struct, frozen=True):
    """The last line of a whole export: how many events it has, and the hash of the last."""

    end: Int8
    hash: bytes


class ArchiveHeader(msgspec.Struct, frozen=True):
    """The first line of an archive: the calls of rooms that began in `month` and were over before `before` (unix microseconds)."""

    kind: str
    month: str
    before: Int8
    exported_at: Int8
    exported_by: str


class ArchiveEnd(msgspec.Struct, frozen=True):
    """The last line of a whole archive: how many calls and how many events it has."""

    archive_end: Int8
    events: Int8
