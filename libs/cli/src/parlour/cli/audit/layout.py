"""The lines of an export: JSON objects, one a line. First the header, then the events in order, last the end.

`docs/how-to/audit.md` describes it for those who write a verifier of their own.
"""

import msgspec

from parlour.contracts.proofs import Inclusion

KIND = "parlour.audit.v1"
END_MARK = b'{"end":'
LINE_BYTES = 1 << 20
"""An event has at most some ten kilobytes; a longer line is no event."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the file is. `proof` is the signed head that the events lead to; none where no checkpoint had the room yet."""

    kind: str
    app: int
    room: str
    room_uid: str
    exported_at: int
    exported_by: str
    proof: Inclusion | None = None


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
