"""Parses text frames of clients strictly, and encodes frames of the server.

A client frame is one JSON object of at most 64 kB, depth 16 and 64 keys in any of its objects, no key twice, of a known type with all its
fields. A frame that breaks a rule is refused with the field and a hint, by its id if it has one. Parsing takes time in proportion to the
text, whatever the text is.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, cast, get_args
from uuid import UUID

import msgspec

from parlour.contracts import client
from parlour.contracts.codes import Code, Problem

KEYS_MOST = 64
"""Keys of one object; `resume` has the most, one for each room that a session may be in."""
NUMBER_DIGITS = 20
"""Digits of an integer with its sign: what 64 bits hold. Python parses longer ones in time that grows with the square of their length."""
TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(client.AnyClientFrame))


class InvalidFrame(ValueError):
    """A frame that breaks the protocol; `frame_id` is empty where none could be parsed."""

    def __init__(
        self, message: str, code: Code = Code.FRAME_INVALID, *, field: str = "", limit: str = "", hint: str = "", frame_id: str = ""
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.problem = Problem(int(code), message, field, limit, hint)
        self.frame_id = frame_id


_decode: Callable[[str], client.AnyClientFrame] = msgspec.json.Decoder(client.AnyClientFrame).decode
_encode = msgspec.json.Encoder().encode


def parse(text: str) -> client.AnyClientFrame:
    """Parses a frame of a client's; raises `InvalidFrame`."""
    if len(text) * 4 > client.FRAME_BYTES and len(text.encode("utf-8", "replace")) > client.FRAME_BYTES:
        raise InvalidFrame("the frame is too large", Code.FRAME_TOO_LARGE, limit=f"{client.FRAME_BYTES} bytes")
    loose = _loose(text)
    frame_id = _id_of(loose)
    kind = loose.get("t")
    if not isinstance(kind, str) or kind not in TYPES:
        shown = kind[:40] if isinstance(kind, str) else ""
        raise InvalidFrame(f"no frame is of type {shown!r}", Code.FRAME_TYPE_UNKNOWN, field="t", frame_id=frame_id)
    try:
        return _decode(text)
    except msgspec.ValidationError as error:
        message, field = _message_and_field(error)
        raise InvalidFrame(message, field=field, frame_id=frame_id) from None
    except msgspec.DecodeError as error:
        raise InvalidFrame(str(error), frame_id=frame_id) from None


def to_text(frame: client.ServerFrame) -> str:
    """Encodes a frame of the server's as text."""
    return _encode(frame).decode()


def _loose(text: str) -> dict[str, Any]:
    """Parses any JSON object that keeps the limits on depth and keys."""
    if text.count("{") + text.count("[") > client.FRAME_DEPTH and _nests_deeper(text, client.FRAME_DEPTH):
        raise InvalidFrame("the frame is nested too deeply", limit=f"depth {client.FRAME_DEPTH}")
    try:
        loose: object = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidFrame(f"the frame is not JSON: {error}") from None
    if not isinstance(loose, dict):
        raise InvalidFrame("the frame is not a JSON object")
    return cast(dict[str, Any], loose)


def _nests_deeper(text: str, most: int) -> bool:
    """Tells whether brackets outside of strings nest deeper than `most`; stops at the first that does."""
    depth = 0
    inside = escaped = False
    for c in text:
        if inside:
            inside = escaped or c != '"'
            escaped = not escaped and c == "\\"
        elif c == '"':
            inside = True
        elif c in "{[":
            depth += 1
            if depth > most:
                return True
        elif c in "}]":
            depth -= 1
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidFrame(f"the key {name[:40]!r} stands twice", field=name[:40], hint="give each key once")
        if len(found) == KEYS_MOST:
            raise InvalidFrame("an object of the frame has too many keys", limit=f"{KEYS_MOST} keys")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidFrame(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > NUMBER_DIGITS:
        raise InvalidFrame("a number in the frame is too long", limit=f"{NUMBER_DIGITS} digits")
    return int(digits)


def _id_of(loose: dict[str, Any]) -> str:
    """Returns the frame's id; empty if it is no UUID."""
    found = loose.get("id")
    try:
        return str(UUID(found)) if isinstance(found, str) else ""
    except ValueError:
        return ""


_MISSING = re.compile(r"missing required field `(\w+)`")
_PATH = re.compile(r" - at `\$\.?(.*)`$")


def _message_and_field(error: msgspec.ValidationError) -> tuple[str, str]:
    """Returns msgspec's message without its path, and the field that the message names."""
    message = str(error)
    missing, path = _MISSING.search(message), _PATH.search(message)
    return _PATH.sub("", message), ".".join(found[1] for found in (path, missing) if found and found[1])
