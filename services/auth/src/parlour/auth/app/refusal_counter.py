"""Counts refused tokens in a metric, and logs at most one line in ten seconds that sums them up."""

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager

from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

LOG_INTERVAL_S = 10.0

log = logger(__name__)


class RefusalCounter:
    """Counts refusals by code; holds neither tokens nor people. `now` is monotonic seconds."""

    def __init__(self, metrics: Metrics, now: Callable[[], float]) -> None:
        self._now = now
        self._total = metrics.counter("tokens_refused", "Tokens that were refused.", ("code", "fine"))
        self._unlogged: Counter[str] = Counter()
        self._logged_at = float("-inf")

    @contextmanager
    def counted(self) -> Generator[None]:
        """Counts the `Rejection` that the block raises by its code. It is never appended: strangers must not fill the log."""
        try:
            yield
        except Rejection as refused:
            problem = refused.problem
            self._total.labels(problem.code, problem.fine).inc()
            self._unlogged[f"{problem.code}/{problem.fine}"] += 1
            now = self._now()
            if now - self._logged_at >= LOG_INTERVAL_S:
                log.info("tokens_refused", counts=dict(self._unlogged))
                self._unlogged.clear()
                self._logged_at = now
            raise
