"""What all paged answers share: how many rows a page has, and how many of them one NATS message carries."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid

EVENTS_PER_ANSWER = 500
BYTES_PER_ANSWER = 512 * 1024
"""Most bytes of rows in one answer, as JSON: NATS carries a megabyte."""
CURSOR_DIGITS = 17
"""Longest number in a cursor: larger ones are beyond what an answer gives."""
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


def fit_answer(rows: Sequence[T], most_bytes: int = BYTES_PER_ANSWER, *, never_empty: bool = True) -> tuple[T, ...]:
    """Returns the first rows that take at most `most_bytes` as JSON; the first one in any case if `never_empty`."""
    size = 0
    for count, row in enumerate(rows):
        size += encoded_bytes(row)
        if size > most_bytes and (count or not never_empty):
            return tuple(rows[:count])
    return tuple(rows)


def encoded_bytes(row: object) -> int:
    """Returns the bytes that a row takes in a JSON list, its comma included."""
    return len(_encode(row)) + 1


def page_size(requested: int, most: int) -> int:
    """Returns `requested`, cut to `most`. `Invalid` for a page without rows."""
    if requested < 1:
        raise invalid(Code.PARAMETER, "limit", "a page has at least one row", limit=f"1..{most}")
    return min(requested, most)


def parse_uuid(text: str, field: str, *, hint: str = "pass back what the server sent") -> UUID:
    """Returns the UUID that a client sent in `field`. `Invalid` for any other text."""
    try:
        return UUID(text)
    except ValueError:
        raise invalid(Code.PARAMETER, field, f"{field} is not a UUID", hint=hint) from None


def parse_number(text: str) -> int:
    """Returns a number of a cursor. `Invalid` for a text that no answer has given."""
    if not text.isdecimal() or len(text) > CURSOR_DIGITS:
        raise invalid_cursor()
    return int(text)


def invalid_cursor() -> Exception:
    """Returns the `Invalid` for a cursor that no answer of such a list has given."""
    return invalid(Code.PARAMETER, "cursor", "this is no cursor of such a list", hint="pass back what `next` was")
