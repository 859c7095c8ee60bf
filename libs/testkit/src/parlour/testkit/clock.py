"""Time and ids that a test chooses."""

from uuid import UUID

START_US = 1_795_000_000_000_000
"""Where a virtual clock begins unless told: some day in November 2026, in unix microseconds."""


class VirtualClock:
    """Wall time in microseconds and monotonic seconds that move together, and only when told."""

    def __init__(self, at: int = START_US) -> None:
        self._at = self._start = at

    def at(self) -> int:
        """Unix microseconds."""
        return self._at

    def now(self) -> float:
        """Monotonic seconds since the clock was made."""
        return (self._at - self._start) / 1_000_000

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._at += round(seconds * 1_000_000)


def uuid7(at: int, number: int) -> UUID:
    """A UUIDv7 of a moment (unix microseconds), told from others of its millisecond by `number`."""
    return UUID(int=(at // 1000) << 80 | 7 << 76 | 2 << 62 | (number & ((1 << 62) - 1)))


class CountingIds:
    """Ids in the order 1, 2, 3 …, at the time of a clock."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self._clock = clock or VirtualClock()
        self._number = 0

    def uuid7(self) -> str:
        """The next id."""
        self._number += 1
        return str(uuid7(self._clock.at(), self._number))
