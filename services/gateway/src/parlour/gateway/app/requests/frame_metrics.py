"""Counts the requests that clients send as frames, and times them from their arrival to their answer."""

from collections.abc import Callable

from parlour.contracts import client
from parlour.contracts.codes import Problem
from parlour.gateway.domain.frames import TYPES
from parlour.runtime.http import status_of
from parlour.runtime.telemetry.metrics import Metrics, observe_with_trace

OK, REFUSED, FAILED = "ok", "refused", "failed"
UNREADABLE = "unreadable"
"""Label of frames that do not parse; the others have their type's."""


class FrameMetrics:
    """The metrics of one gateway's frames. `now` is monotonic seconds, as arrivals are. A ping that is answered is not counted."""

    def __init__(self, metrics: Metrics, now: Callable[[], float]) -> None:
        self._now = now
        answered = metrics.counter("frames", "Frames of clients that were answered.", ("frame", "outcome"))
        seconds = metrics.histogram("frame_seconds", "From the arrival of a frame to its answer.", ("frame",))
        outcomes = (OK, REFUSED, FAILED)
        self._answered = {(kind, outcome): answered.labels(kind, outcome) for kind in TYPES for outcome in outcomes}
        self._seconds = {kind: seconds.labels(kind) for kind in TYPES - {"ping"}}
        self._unreadable = answered.labels(UNREADABLE, REFUSED)

    def count_handled(self, frame: client.ClientFrame, arrived: float, problem: Problem | None) -> None:
        """Counts and times a frame that is answered now, with a problem or without; one whose code stands for an error of the server's has
        failed."""
        kind = str(frame.__struct_config__.tag)
        outcome = OK if problem is None else FAILED if status_of(problem.code) >= 500 else REFUSED
        self._answered[kind, outcome].inc()
        observe_with_trace(self._seconds[kind], self._now() - arrived)

    def count_refused(self, frame: client.ClientFrame) -> None:
        """Counts a frame that is refused before any work on it."""
        self._answered[str(frame.__struct_config__.tag), REFUSED].inc()

    def count_unreadable(self) -> None:
        """Counts a frame that does not parse."""
        self._unreadable.inc()
