"""`replay --at`: an event's number or a time."""

from datetime import UTC, datetime

import pytest

from parlour.cli.operator.room_log import parse_moment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MICROSECONDS = round(NOON.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("17", (17, None)),
        ("2026-03-01T12:00:00Z", (None, MICROSECONDS)),
        ("2026-03-01T13:00:00+01:00", (None, MICROSECONDS)),
        ("2026-03-01 12:00", (None, MICROSECONDS)),
        ("12:00:00", (None, MICROSECONDS)),
        ("12:00:00.25", (None, MICROSECONDS + 250_000)),
    ],
)
def test_both_are_understood(text: str, meant: tuple[int | None, int | None]) -> None:
    assert parse_moment(text, NOON) == meant


@pytest.mark.parametrize("text", ["", "noon", "25:00", "-3", "2026-13-01"])
def test_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text, NOON)
