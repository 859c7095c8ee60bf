"""Which months are due, by the calendar."""

from datetime import UTC, datetime

import pytest

from parlour.record.domain.retention import DEFAULT, due_before, file_name, may_be_due, month_label


def us(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1_000_000)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("now", "keep", "before"),
    [
        ((2026, 11, 21, 17), 1, (2026, 10, 1)),
        ((2026, 11, 1), 3, (2026, 8, 1)),
        ((2026, 1, 31, 23, 59), 1, (2025, 12, 1)),
        ((2026, 1, 1), 13, (2024, 12, 1)),
    ],
)
def test_what_was_over_before_that_month_is_due(now: tuple[int, ...], keep: int, before: tuple[int, ...]) -> None:
    assert due_before(us(*now), keep) == us(*before)


def test_a_month_is_looked_at_once_it_lies_before() -> None:
    before = us(2026, 8, 1)
    assert [may_be_due(month, before) for month in ("2025_12", "2026_07", "2026_08", "2026_09")] == [
        True,
        True,
        False,
        False,
    ]
    assert may_be_due(DEFAULT, before)
    assert not may_be_due("2026_07_heir", before)


def test_names() -> None:
    assert month_label("2026_08") == "2026-08"
    assert file_name("2026_08", 2) == "parlour-2026-08.2.jsonl"
