"""The lines of an export: JSON objects, one a line. First the header, then the events in order, last the end.

An archive holds many exports: a line of its own first, the exports one after the other, and a last line that counts them. Its exports
show no opened texts (`view`, `user`): they can be read only as long as the user's key exists.

Each line is accepted only as an export writes it, so that no two readers find two things in one line. `docs/how-to/audit.md` describes
both kinds of files for those who write a verifier of their own.
"""

from typing import Annotated, Any, TypeVar

import msgspec

from parlour.contracts.proofs import Consistency, Inclusion

KIND = "parlour.audit.v1"
ARCHIVE = "parlour.archive.v1"
END_MARK = b'{"end":'
ARCHIVE_END_MARK = b'{"archive_end":'
LINE_BYTES = 1 << 20
"""The longest line that is read. An event has at most some ten kilobytes."""
Int8 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""Integers as the database and the hash hold them; a larger number in a file is malformed."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """Names the call that the file exports. `proof` is the signed head that the events lead to; none where no checkpoint had it yet.

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
    """One event of the call. `prev` is given only where the database cites another hash than that of the event before.

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
    """The first line of an archive: the calls that began in `month` and were over before `before` (unix microseconds)."""

    kind: str
    month: str
    before: Int8
    exported_at: Int8
    exported_by: str


class ArchiveEnd(msgspec.Struct, frozen=True):
    """The last line of a whole archive: how many calls and how many events it has."""

    archive_end: Int8
    events: Int8


class MalformedLine(ValueError):
    """The bytes are not a line of the expected kind."""


A = TypeVar("A")
_encode = msgspec.json.Encoder().encode


def decode_line(decoder: msgspec.json.Decoder[A], raw: bytes | msgspec.Raw) -> A:
    """Decodes a line or a part of one. `MalformedLine` for all other bytes: cut off, not UTF-8, nested without end, numbers of
    thousands of digits."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedLine(str(error)) from None


def is_canonical(value: Any, raw: bytes | msgspec.Raw) -> bool:
    """Whether `raw` are the bytes that an export writes for `value`: no field twice or unknown, nothing between the fields."""
    written = _encode(value)
    return raw == msgspec.Raw(written) if isinstance(raw, msgspec.Raw) else raw in (written + b"\n", written)
