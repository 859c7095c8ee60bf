"""Log lines that others can cause at will: one of a kind in a while, with the number of those left out."""

from collections.abc import Callable

EVERY_S = 10.0
KINDS_MOST = 1000
"""Kinds that are remembered; beyond, all are forgotten and begin anew."""


class Rarely:
    """`admit` says whether a line of some kind may be written now. One is kept by each writer; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], every_s: float = EVERY_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._kinds: dict[str, tuple[float, int]] = {}

    def admit(self, kind: str) -> int | None:
        """How many lines were left out since the last one; None: leave this one out too."""
        now = self._clock()
        last, left_out = self._kinds.get(kind, (-self._every_s, 0))
        if now - last < self._every_s:
            self._kinds[kind] = (last, left_out + 1)
            return None
        if len(self._kinds) >= KINDS_MOST:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        return left_out
