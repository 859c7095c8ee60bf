"""Computes what a medium's running counters say about the time between two readings. Pure arithmetic (RFC 3550 §6.4.4, A.3).

Rules: 1. Each number is a difference of counters, or is as of the end; nothing is carried over from before. 2. Packets expected and lost
are measured together or not at all: not where nothing was reported in the time, and not where their counters began anew.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Counts(msgspec.Struct, frozen=True):
    """Counters of one medium from its beginning to one moment, or between two moments; None: not known. The last three are what the
    receiver asked for (packets, keyframes) and what keyframes came."""

    packets: int
    bytes: int
    expected: int | None
    lost: int | None
    jitter_us: int | None
    rtt_us: int | None
    nacks: int
    plis: int
    keyframes: int


_COUNTERS = ("packets", "bytes", "nacks", "plis", "keyframes")
"""The fields of `Counts` that only grow."""


def track_counts(stats: Mapping[str, Any], clock_rate: int) -> Counts:
    """A publisher's medium, from the core's counters of its track (`Core.stats`); the relay itself is the receiver."""
    return Counts(
        packets=stats["packets"], bytes=stats["bytes"], expected=stats["expected"], lost=stats["missed"],
        jitter_us=_microseconds(stats["jitter"], clock_rate) if stats["expected"] else None, rtt_us=None,
        nacks=stats["nacks"], plis=stats["plis"], keyframes=stats["keyframes"],
    )  # fmt: skip


def sink_counts(stats: Mapping[str, Any], clock_rate: int) -> Counts:
    """A player's medium, from the core's counters of its sink; the player's reports say what it received."""
    highest, lost, jitter = stats["reported"] or (None, None, None)
    return Counts(
        packets=stats["packets"], bytes=stats["bytes"], expected=highest, lost=lost,
        jitter_us=None if jitter is None else _microseconds(jitter, clock_rate), rtt_us=stats["rtt_us"],
        nacks=stats["nack_hits"] + stats["nack_misses"], plis=stats["plis"], keyframes=0,
    )  # fmt: skip


def began_anew(before: Counts, now: Counts) -> bool:
    """Whether counting began anew between the readings, so that their difference means nothing."""
    return now.packets < before.packets or now.bytes < before.bytes or now.nacks < before.nacks


def measure(before: Counts, now: Counts) -> Counts:
    """The difference of two readings between which counting went on."""
    expected, lost = _losses(before, now)
    grown = {name: getattr(now, name) - getattr(before, name) for name in _COUNTERS}
    return Counts(expected=expected, lost=lost, jitter_us=now.jitter_us, rtt_us=now.rtt_us, **grown)


def _losses(before: Counts, now: Counts) -> tuple[int | None, int | None]:
    """Both or neither (rule 2). Packets that came late or twice lessen what was lost, to none at the least."""
    if before.expected is None or before.lost is None or now.expected is None or now.lost is None:
        return None, None
    expected = now.expected - before.expected
    if expected <= 0:
        return None, None
    return expected, min(expected, max(0, now.lost - before.lost))


def _microseconds(units: int, clock_rate: int) -> int:
    return units * 1_000_000 // clock_rate
