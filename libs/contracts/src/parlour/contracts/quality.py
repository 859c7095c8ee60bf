"""Quality of media: what relays measured in ten seconds at a time, and how it is asked for.

Samples are no events: nobody decides by them, and they may be lost. A lost sample leaves a gap in the series, never a wrong number: each
carries its own span and its own counts.
"""

import msgspec

from .codes import Problem
from .history import ROWS_MOST
from .spelling import wire_name

SAMPLES_MOST = 500
"""Samples in one message: with the longest ids 300 kB, below NATS's megabyte."""
SERIES_MOST = ROWS_MOST
"""Points in one page of a series."""


class QualitySample(msgspec.Struct, frozen=True, omit_defaults=True):
    """One medium of one stream on its way to the relay (`publishes`) or from it to one player, over `took_ms`.

    `at` (unix microseconds, by the node's clock) begins the ten seconds in which it was begun. `owner` is the transport's: the session,
    with a resource after a slash. What is not known is null: nothing was reported, or the sender began anew meanwhile.
    """

    room_uid: str
    stream_id: str
    owner: str
    publishes: bool
    kind: str
    at: int
    took_ms: int
    packets: int
    bytes: int
    expected: int | None = None
    """Packets that the receiver should have got in this time, by sequence numbers."""
    lost: int | None = None
    """Of these, what never came by itself; repairs count as lost here."""
    jitter_us: int | None = None
    """Interarrival jitter (RFC 3550) at the end of the time."""
    rtt_us: int | None = None
    """Round trip to the player, as its last report told."""
    nacks: int = 0
    """Packets that the receiver asked for again."""
    plis: int = 0
    """Keyframes that the receiver asked for."""
    keyframes: int = 0
    """Keyframes that came from the publisher."""


class QualityBatch(msgspec.Struct, frozen=True):
    """Samples of one node, at most `SAMPLES_MOST`: `parlour.v1.relay.<node>.sample.quality`."""

    node: str
    samples: tuple[QualitySample, ...]


class QualityQuery(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A call's quality in the order of time: of one stream, of what one user sent and received, or all; `cursor` is a page's `next`."""

    room_uid: str
    stream_id: str = ""
    user: str = ""
    cursor: str = ""
    limit: int = SERIES_MOST


class QualityPoint(msgspec.Struct, frozen=True, rename=wire_name):
    """One medium in the ten seconds that begin at `at` (see `QualitySample`). `side` is publisher: from `userID` to the relay; or
    player: from the relay to `userID`. `loss` is a share, 0 to 1."""

    at: int
    took_ms: int
    stream_id: str
    kind: str
    side: str
    session_id: str
    actor: str
    user_id: str
    node: str
    packets: int
    bitrate_bps: int
    loss: float | None
    jitter_ms: float | None
    rtt_ms: float | None
    nacks: int
    keyframe_requests: int
    keyframes: int


class QualitySeries(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """A page of points; `next` is empty on the last one."""

    points: tuple[QualityPoint, ...] = ()
    next: str = ""
    problem: Problem | None = None
