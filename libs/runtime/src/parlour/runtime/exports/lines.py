"""Reading the lines of an export. Each is accepted only as an export writes it, so that no two readers find two things in one line."""

from typing import Any, TypeVar

import msgspec

A = TypeVar("A")
_encode = msgspec.json.Encoder().encode


class NoLine(ValueError):
    """The bytes are no line of that kind."""


def parsed(decoder: msgspec.json.Decoder[A], raw: bytes | msgspec.Raw) -> A:
    """What a line or a part of one holds; `NoLine` for whatever else bytes can be: cut off, not UTF-8, nested without end,
    a number of thousands of digits."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NoLine(str(error)) from None


def written_plainly(value: Any, raw: bytes | msgspec.Raw) -> bool:
    """Whether the bytes are those that an export writes: no field twice or unknown, nothing between the fields."""
    plain = _encode(value)
    return raw == msgspec.Raw(plain) if isinstance(raw, msgspec.Raw) else raw in (plain + b"\n", plain)
