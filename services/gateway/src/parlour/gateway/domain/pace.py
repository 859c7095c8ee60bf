"""How fast one connection or one address may send: token buckets. Time is an argument."""


class Bucket:
    """`rate` units a second on average, `burst` at once."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float, units: float = 1.0) -> bool:
        """So many units more; False, and nothing is taken, where that is too fast."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < units:
            return False
        self._left -= units
        return True

    def is_full(self, now: float) -> bool:
        """Nothing was taken for so long that a new bucket would be the same."""
        return self._left + (now - self._at) * self._rate >= self._burst
