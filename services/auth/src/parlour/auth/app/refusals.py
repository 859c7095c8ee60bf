"""Refused tokens: a counter, and at most one line in ten seconds that sums them up."""

import time
from collections import Counter

from parlour.contracts.codes import Problem
from parlour.runtime.telemetry.logging import logger
from parlour.runtime.telemetry.metrics import Metrics

EVERY_S = 10.0

log = logger(__name__)


class Refusals:
    """Counts; keeps neither tokens nor people."""

    def __init__(self, metrics: Metrics) -> None:
        self._total = metrics.counter("tokens_refused", "Tokens that were refused.", ("code", "fine"))
        self._since: Counter[str] = Counter()
        self._told_at = float("-inf")

    def count(self, problem: Problem) -> None:
        """One more."""
        self._total.labels(problem.code, problem.fine).inc()
        self._since[f"{problem.code}/{problem.fine}"] += 1
        now = time.monotonic()
        if now - self._told_at >= EVERY_S:
            log.info("tokens_refused", counts=dict(self._since))
            self._since.clear()
            self._told_at = now
