"""The line that `parlour history show` says about quality."""

from typing import Any

import msgspec

from parlour.cli.verbs.calls import quality_lines
from parlour.contracts.quality import QualityPoint

GOOD = QualityPoint(
    at=1_763_731_200_000_000, took_ms=10_000, stream_id="cam", kind="video", side="publisher", session_id="s", actor="a",
    user_id="ann", node="n", packets=100, bitrate_bps=1000, loss=0.0, jitter_ms=3.6, rtt_ms=None, nacks=0,
    keyframe_requests=0, keyframes=1,
)  # fmt: skip


def changed(**fields: Any) -> QualityPoint:
    return msgspec.structs.replace(GOOD, **fields)


def test_nothing_measured_is_no_line() -> None:
    assert quality_lines([]) == []


def test_the_worst_is_named() -> None:
    bad = changed(at=GOOD.at + 10_000_000, side="player", user_id="bob", loss=0.0312, jitter_ms=8.2, rtt_ms=48.4)
    (line,) = quality_lines([GOOD, bad, changed(at=GOOD.at + 20_000_000, loss=None, jitter_ms=None)])
    assert "2025-11-21 13:20:00Z – 13:20:30Z" in line
    assert line.endswith("3 samples, worst loss 3.1% (cam video, player bob), jitter to 8 ms, round trip to 48 ms")


def test_what_is_unknown_is_not_called_good() -> None:
    assert quality_lines([GOOD])[0].endswith("1 sample, no loss, jitter to 4 ms")
    assert quality_lines([changed(loss=None, jitter_ms=None)])[0].endswith("1 sample")
    assert "player a)" in quality_lines([changed(loss=0.5, side="player", user_id="")])[0], "erased: the actor is left"
