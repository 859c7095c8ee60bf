"""Times as the verbs print them: UTC, and marked so."""

from datetime import UTC, datetime

SECOND = 1_000_000


def utc(microseconds: int) -> str:
    """A moment of the record, in unix microseconds, to the second: `2026-11-21 14:03:07Z`."""
    return _text(microseconds, "seconds")


def utc_ms(microseconds: int) -> str:
    """As `utc`, to the millisecond."""
    return _text(microseconds, "milliseconds")


def _text(microseconds: int, parts: str) -> str:
    return f"{datetime.fromtimestamp(microseconds / SECOND, UTC).replace(tzinfo=None).isoformat(' ', parts)}Z"
