"""Limits log lines that outsiders can cause at will: at most one of a kind in a while, with the number of those suppressed."""

from collections.abc import Callable

EVERY_S = 10.0
MAX_KINDS = 1000
"""Most kinds remembered; beyond, all are dropped."""


class LogThrottle:
    """Admits one line of a kind every `EVERY_S` seconds. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kinds: dict[str, tuple[float, int]] = {}

    def admit(self, kind: str) -> int | None:
        """Returns how many lines were suppressed since the last one; None: suppress this one too."""
        now = self._clock()
        last, left_out = self._kinds.get(kind, (-EVERY_S, 0))
        if now - last < EVERY_S:
            self._kinds[kind] = (last, left_out + 1)
            return None
        if len(self._kinds) >= MAX_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        return left_out
