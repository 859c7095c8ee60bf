"""Samples as rows and as points: what cannot be true is refused, what is not known stays unknown."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from parlour.contracts.quality import QualityBatch, QualitySample
from parlour.kernel.log import LogUnavailable
from parlour.record.app.history.quality import (
    CLOCK_SKEW_US,
    LONGEST_SAMPLE_MS,
    SampleIntake,
    SampleRow,
    point_of,
    row_of,
)
from parlour.record.domain.projections.rows import Names

NOW = 1_000_005_000_000
CALL = "0190aaaa-0000-7000-8000-000000000000"
GOOD = QualitySample(
    CALL, "cam", "s1/whep", False, "video", 1_000_000_000_000, 8000, 100, 50_000, 102, 3, 4500, 20_000, 2
)


def test_a_sample_becomes_a_row_of_its_session() -> None:
    row = row_of("n", GOOD, NOW)
    assert row is not None
    assert (row.room_uid, row.session_id, row.node, row.started_at) == (UUID(CALL), "s1", "n", GOOD.at)
    point = point_of(row, "actor", Names({"actor": "bob"}, {}))
    assert (point.side, point.user_id, point.bitrate_bps, point.loss) == ("player", "bob", 50_000, 0.0294)
    assert (point.jitter_ms, point.rtt_ms, point.nacks, point.keyframe_requests) == (4.5, 20.0, 2, 0)


def test_what_is_unknown_stays_unknown() -> None:
    row = row_of("n", msgspec.structs.replace(GOOD, expected=None, lost=None, jitter_us=None, rtt_us=None), NOW)
    assert row is not None
    point = point_of(row, "", Names({}, {}))
    assert (point.loss, point.jitter_ms, point.rtt_ms, point.user_id) == (None, None, None, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"room_uid": "lobby"}, {"at": GOOD.at + 1}, {"took_ms": 0}, {"took_ms": LONGEST_SAMPLE_MS + 1}, {"packets": -1},
        {"at": GOOD.at - CLOCK_SKEW_US - 10_000_000}, {"at": GOOD.at + CLOCK_SKEW_US + 20_000_000}, {"bytes": 2**63}, {"lost": -4},
    ],
)  # fmt: skip
def test_what_cannot_be_true_is_refused(wrong: dict[str, Any]) -> None:
    assert row_of("n", msgspec.structs.replace(GOOD, **wrong), NOW) is None


class Now:
    """A clock that stands."""

    def at(self) -> int:
        return NOW


class Kept:
    """Keeps rows, or is away."""

    def __init__(self) -> None:
        self.rows: list[SampleRow] = []
        self.away = False

    async def add(self, rows: list[SampleRow]) -> None:
        if self.away:
            raise LogUnavailable("away")
        self.rows += rows

    async def series(self, room_uid: UUID, wanted: object, limit: int) -> list[Any]:
        return []


async def test_each_sample_is_kept_refused_or_lost_and_never_tried_again() -> None:
    kept, counted = Kept(), {"kept": 0, "refused": 0, "lost": 0}

    def note(outcome: str, number: int) -> None:
        counted[outcome] += number

    intake = SampleIntake(kept, note, Now())
    await intake.take(QualityBatch("n", (GOOD, msgspec.structs.replace(GOOD, room_uid=""))))
    kept.away = True
    await intake.take(QualityBatch("n", (GOOD,)))
    kept.away = False
    await intake.take(QualityBatch("n", ()))
    assert (len(kept.rows), counted) == (1, {"kept": 1, "refused": 1, "lost": 1})
