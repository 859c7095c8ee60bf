"""Ids and texts with their limits, as the vendor's SDK states them.

Each `check_*` returns its argument or raises `Invalid` with the vendor's code; nothing is trimmed or repaired.
"""

import ipaddress
import re
from typing import Annotated

import msgspec

from .codes import Code, Problem

ROOM_ID_BYTES = 128
USER_ID_BYTES = 64
USER_NAME_BYTES = 256
STREAM_ID_CHARS = 256
STREAM_EXTRA_BYTES = 1024
ROOM_EXTRA_KEY_BYTES = 10
ROOM_EXTRA_VALUE_BYTES = 128
MESSAGE_BYTES = 1024
REASON_BYTES = 256
BY_BYTES = 128
COMMAND_TARGETS = 500
ROOMS_PER_SESSION = 5
APP_ID_MAX = 2**32 - 1
SEQ_MAX = 2**63 - 1
"""The record counts events, and microseconds, in 64 bits with a sign."""

Seq = Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX)]
"""The number of an event in its room, as somebody outside may name it."""
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""A number of things, as somebody outside may name it; what is below zero counts as zero."""

NAME_PATTERN = re.compile(r"[0-9A-Za-z~!@#$^&*()_+=\-,;'’.<>/]+")
STREAM_PATTERN = re.compile(r"[0-9A-Za-z_-]+")
NAME_CHARACTERS = "digits, letters and ~ ! @ # $ ^ & * ( ) _ + = - , ; ' ’ . < > /"
STREAM_CHARACTERS = "A-Z a-z 0-9 _ -"


class Invalid(ValueError):
    """A field breaks its limit; `problem` says which and how to mend it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def invalid(code: Code, field: str, message: str, *, limit: str = "", hint: str = "") -> Invalid:
    """Builds the `Invalid` of one field."""
    return Invalid(Problem(int(code), message, field, limit, hint))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _check_size(text: str, most: int, code: Code, field: str, subject: str, hint: str = "") -> str:
    """Checks for at most `most` bytes; `subject` begins the sentence that says how many it has."""
    if _size(text) > most:
        raise invalid(code, field, f"{subject} has {_size(text)} bytes", limit=f"{most} bytes", hint=hint)
    return text


def _check_characters(text: str, pattern: re.Pattern[str], code: Code, field: str, allowed: str) -> str:
    if not pattern.fullmatch(text):
        raise invalid(code, field, f"{field} holds a character that is not allowed", limit=allowed)
    return text


def check_app_id(app: int) -> int:
    """Checks for 1 … 2³²-1; `Invalid` otherwise."""
    if not 0 < app <= APP_ID_MAX:
        raise invalid(Code.APP_ID, "appID", f"appID {app} is not an application id", limit=f"1..{APP_ID_MAX}")
    return app


def check_room_id(room: str) -> str:
    """Checks for 1 … 128 bytes of the vendor's characters."""
    if not room:
        raise invalid(Code.ROOM_ID_EMPTY, "roomID", "roomID is empty", limit=f"1..{ROOM_ID_BYTES} bytes")
    is_token = room.startswith("04") and len(room) > 100
    hint = "this looks like a token: loginRoom takes roomID first" if is_token else "shorten it"
    _check_size(room, ROOM_ID_BYTES, Code.ROOM_ID_LONG, "roomID", "roomID", hint)
    return _check_characters(room, NAME_PATTERN, Code.ROOM_ID_CHARACTERS, "roomID", NAME_CHARACTERS)


def check_user_id(user: str) -> str:
    """Checks for 1 … 64 bytes of the vendor's characters."""
    if not user:
        raise invalid(Code.USER_ID_EMPTY, "userID", "userID is empty", limit=f"1..{USER_ID_BYTES} bytes")
    _check_size(user, USER_ID_BYTES, Code.USER_ID_LONG, "userID", "userID", "shorten it")
    return _check_characters(user, NAME_PATTERN, Code.USER_ID_CHARACTERS, "userID", NAME_CHARACTERS)


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
    return _check_size(name, USER_NAME_BYTES, Code.USER_NAME_LONG, "userName", "userName", "shorten it")


def check_stream_id(stream: str) -> str:
    """Checks for 1 … 256 letters, digits, `_` and `-`."""
    if not stream:
        raise invalid(Code.STREAM_ID_EMPTY, "streamID", "streamID is empty", limit=f"1..{STREAM_ID_CHARS} characters")
    if len(stream) > STREAM_ID_CHARS:
        raise invalid(
            Code.STREAM_ID_LONG,
            "streamID",
            f"streamID has {len(stream)} characters",
            limit=f"{STREAM_ID_CHARS} characters",
            hint="shorten it",
        )
    return _check_characters(stream, STREAM_PATTERN, Code.STREAM_ID_CHARACTERS, "streamID", STREAM_CHARACTERS)


def check_stream_extra(text: str) -> str:
    """Checks for at most 1,024 bytes."""
    return _check_size(text, STREAM_EXTRA_BYTES, Code.STREAM_EXTRA_LONG, "extraInfo", "extraInfo")


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
    return _check_size(reason, REASON_BYTES, Code.PARAMETER, "reason", "the reason")


def check_by(by: str) -> str:
    """Checks the name of a moderator for at most 128 bytes."""
    return _check_size(by, BY_BYTES, Code.PARAMETER, "by", "the moderator's name")


def check_message(text: str) -> str:
    """Checks for 1 … 1,024 bytes."""
    if not text:
        raise invalid(Code.MESSAGE_EMPTY, "message", "the message is empty", limit=f"1..{MESSAGE_BYTES} bytes")
    return _check_size(text, MESSAGE_BYTES, Code.MESSAGE_LONG, "message", "the message", "send it in parts")


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
