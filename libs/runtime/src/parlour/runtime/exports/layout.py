"""The lines of an export: JSON objects, one a line. First the header, then the events in order, last the end.

An archive holds many exports: a line of its own first, the exports one after the other, and a last line that counts them. Its exports have
nobody's texts opened (`view`, `user`): what they say can be read as long as the person's key is there, and not when it is gone.
`docs/how-to/audit.md` describes both for those who write a verifier of their own.
"""

import msgspec

from parlour.contracts.proofs import Consistency, Inclusion

KIND = "parlour.audit.v1"
ARCHIVE = "parlour.archive.v1"
END_MARK = b'{"end":'
ARCHIVE_END_MARK = b'{"archive_end":'
LINE_BYTES = 1 << 20
"""An event has at most some ten kilobytes; a longer line is no event."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file is. `proof` is the signed head that the events lead to; none where no checkpoint had the room yet.

    `consistency` proves that the signed tree continues one that the auditor holds, where the export was asked for it.
    """

    kind: str
    app: int
    room: str
    room_uid: str
    exported_at: int
    exported_by: str
    proof: Inclusion | None = None
    consistency: Consistency | None = None


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event. `prev` stands here only where the database cites another hash than that of the event before."""

    seq: int
    at: int
    env: bytes
    hash: bytes
    prev: bytes = b""
    view: msgspec.Raw = msgspec.Raw(b"null")
    user: str = ""
    erased: bool = False


class End(msgspec.Struct, frozen=True):
    """The last line of a whole export: how many events it has, and the hash of the last."""

    end: int
    hash: bytes


class ArchiveHeader(msgspec.Struct, frozen=True):
    """The first line of an archive: the lives of rooms that began in `month` and were over before `before` (unix microseconds)."""

    kind: str
    month: str
    before: int
    exported_at: int
    exported_by: str


class ArchiveEnd(msgspec.Struct, frozen=True):
    """The last line of a whole archive: how many lives and how many events it has."""

    archive_end: int
    events: int
