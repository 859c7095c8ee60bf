"""Ids and texts with their limits, as the vendor's SDK states them.

Each `check_*` returns its argument or raises `Invalid` with the vendor's code; nothing is trimmed or repaired.
"""

import functools
import ipaddress
import re
from typing import Annotated

import msgspec

from .codes import Code, Problem

ROOM_EXTRA_KEY_BYTES = 10
ROOM_EXTRA_VALUE_BYTES = 128
COMMAND_TARGETS = 500
ROOMS_PER_SESSION = 5
APP_ID_MAX = 2**32 - 1
SEQ_MAX = 2**63 - 1
"""The record counts events, and microseconds, in 64 bits with a sign."""

Seq = Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX)]
"""The number of an event in its room, as somebody outside may name it."""
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""A number of things, as somebody outside may name it; what is below zero counts as zero."""


class Invalid(ValueError):
    """A field breaks its limit; `problem` says which and how to mend it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def invalid(code: Code, field: str, message: str, *, limit: str = "", hint: str = "") -> Invalid:
    """Builds the `Invalid` of one field."""
    return Invalid(Problem(int(code), message, field, limit, hint))


_compiled = functools.cache(re.compile)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


class TextRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """The bounds of one text, and the code with which a text that breaks them is refused.

    `pattern` is a regular expression for the whole text and `allowed` says the same in words; both are empty where any character will do.
    """

    least: int
    most: int
    unit: str
    empty: Code
    long: Code
    characters: Code | None = None
    pattern: str = ""
    allowed: str = ""

    def check(self, text: str, field: str, subject: str = "", hint: str = "") -> str:
        """Returns the text, or raises `Invalid`; `subject` begins the sentence, where it is not the field's name, and `hint` says what to
        do about a text that is too long."""
        subject, size = subject or field, _size(text) if self.unit == "bytes" else len(text)
        if size < self.least:
            raise invalid(self.empty, field, f"{subject} is empty", limit=f"{self.least}..{self.most} {self.unit}")
        if size > self.most:
            limit = f"{self.most} {self.unit}"
            raise invalid(self.long, field, f"{subject} has {size} {self.unit}", limit=limit, hint=hint)
        if self.characters is not None and not _compiled(self.pattern).fullmatch(text):
            raise invalid(self.characters, field, f"{field} holds a character that is not allowed", limit=self.allowed)
        return text


_NAME = (r"[0-9A-Za-z~!@#$^&*()_+=\-,;'’.<>/]+", "digits, letters and ~ ! @ # $ ^ & * ( ) _ + = - , ; ' ’ . < > /")
TEXTS = {
    "roomID": TextRule(
        1, 128, "bytes", Code.ROOM_ID_EMPTY, Code.ROOM_ID_LONG, Code.ROOM_ID_CHARACTERS, *_NAME
    ),
    "userID": TextRule(
        1, 64, "bytes", Code.USER_ID_EMPTY, Code.USER_ID_LONG, Code.USER_ID_CHARACTERS, *_NAME
    ),
    "userName": TextRule(0, 256, "bytes", Code.PARAMETER, Code.USER_NAME_LONG),
    "streamID": TextRule(
        1, 256, "characters", Code.STREAM_ID_EMPTY, Code.STREAM_ID_LONG, Code.STREAM_ID_CHARACTERS,
        r"[0-9A-Za-z_-]+", "A-Z a-z 0-9 _ -",
    ),
    "extraInfo": TextRule(0, 1024, "bytes", Code.STREAM_EXTRA_EMPTY, Code.STREAM_EXTRA_LONG),
    "message": TextRule(1, 1024, "bytes", Code.MESSAGE_EMPTY, Code.MESSAGE_LONG),
}  # fmt: skip
"""Texts that a page passes to the SDK, by the names of its arguments; `empty` is also the code for a value that is no text."""
_REASON = TextRule(0, 256, "bytes", Code.PARAMETER, Code.PARAMETER)
_BY = TextRule(0, 128, "bytes", Code.PARAMETER, Code.PARAMETER)


def check_app_id(app: int) -> int:
    """Checks for 1 … 2³²-1; `Invalid` otherwise."""
    if not 0 < app <= APP_ID_MAX:
        raise invalid(Code.APP_ID, "appID", f"appID {app} is not an application id", limit=f"1..{APP_ID_MAX}")
    return app


def check_room_id(room: str) -> str:
    """Checks for 1 … 128 bytes of the vendor's characters."""
    is_token = room.startswith("04") and len(room) > 100
    hint = "this looks like a token: loginRoom takes roomID first" if is_token else "shorten it"
    return TEXTS["roomID"].check(room, "roomID", hint=hint)


def check_user_id(user: str) -> str:
    """Checks for 1 … 64 bytes of the vendor's characters."""
    return TEXTS["userID"].check(user, "userID", hint="shorten it")


def check_address(address: str) -> str:
    """An IPv4 address, or the /64 network of an IPv6 one: whoever has one address of such a network mostly has them all."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise invalid(
            Code.PARAMETER, "address", "this is no IP address", limit="IPv4 or IPv6, without a port", hint="192.0.2.7"
        ) from None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


def check_user_name(name: str) -> str:
    """Checks for at most 256 bytes; empty means none."""
    return TEXTS["userName"].check(name, "userName", hint="shorten it")


def check_stream_id(stream: str) -> str:
    """Checks for 1 … 256 letters, digits, `_` and `-`."""
    return TEXTS["streamID"].check(stream, "streamID", hint="shorten it")


def check_stream_extra(text: str) -> str:
    """Checks for at most 1,024 bytes."""
    return TEXTS["extraInfo"].check(text, "extraInfo")


def check_room_extra(key: str, value: str) -> None:
    """Checks a key of 1 … 10 bytes and a value below 128 bytes."""
    if not key or _size(key) > ROOM_EXTRA_KEY_BYTES:
        raise invalid(
            Code.ROOM_EXTRA_KEY_LONG, "key", f"the key has {_size(key)} bytes", limit=f"1..{ROOM_EXTRA_KEY_BYTES} bytes"
        )
    if _size(value) >= ROOM_EXTRA_VALUE_BYTES:
        raise invalid(
            Code.ROOM_EXTRA_VALUE_LONG,
            "value",
            f"the value has {_size(value)} bytes",
            limit=f"below {ROOM_EXTRA_VALUE_BYTES} bytes",
        )


def check_reason(reason: str) -> str:
    """Checks for at most 256 bytes, as the vendor's server API has it."""
    return _REASON.check(reason, "reason", "the reason")


def check_by(by: str) -> str:
    """Checks the name of a moderator for at most 128 bytes."""
    return _BY.check(by, "by", "the moderator's name")


def check_message(text: str) -> str:
    """Checks for 1 … 1,024 bytes."""
    return TEXTS["message"].check(text, "message", "the message", hint="send it in parts")


class Position(msgspec.Struct, frozen=True):
    """`room_uid.seq.hash8`: a place in a room's history that proves which history it is.

    `hash8` is the first 16 hexadecimal digits of the chain hash at `seq` (of zeros at seq 0).
    """

    room_uid: str
    seq: int
    hash8: str

    def __str__(self) -> str:
        return f"{self.room_uid}.{self.seq}.{self.hash8}"


_POSITION = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(0|[1-9][0-9]{0,17})\.([0-9a-f]{16})")


def parse_position(text: str) -> Position:
    """Parses a position as `str()` writes it; `Invalid` for other text."""
    found = _POSITION.fullmatch(text)
    if not found:
        raise invalid(
            Code.PARAMETER, "position", "the position is not room_uid.seq.hash8", hint="pass back what the server sent"
        )
    return Position(found[1], int(found[2]), found[3])
