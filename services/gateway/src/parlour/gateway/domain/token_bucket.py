"""Token buckets: limits on how fast one connection, address, token or app may send. Time is an argument."""

from parlour.contracts.codes import Code
from parlour.kernel.rejection import Rejection


class RateLimited(Rejection):
    """Refuses a request beyond a rate limit; it may be repeated in `retry_after_s` seconds, which HTTP sends as `Retry-After`."""

    def __init__(self, message: str, retry_after_s: int, *, field: str = "", limit: str = "") -> None:
        super().__init__(Code.RATE_LIMITED, message, field=field, limit=limit, hint=f"try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class TokenBucket:
    """Admits `rate` units a second on average and `burst` at once. `now` is seconds of a clock that never goes back."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float, units: float = 1.0) -> bool:
        """Takes units; returns False, and takes nothing, where that is too fast."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < units:
            return False
        self._left -= units
        return True

    def charge(self, now: float, units: float, debt: float) -> None:
        """Takes units whether they are there or not; what is missing is owed, `debt` units at most."""
        self.take(now, 0.0)
        self._left = max(-debt, self._left - units)

    def used(self, now: float) -> float:
        """Returns how many units of the burst are taken, with those that are owed."""
        return max(0.0, self._burst - self._left - (now - self._at) * self._rate)

    def wait_s(self, now: float) -> float:
        """Returns the seconds until one unit can be taken."""
        return max(0.0, (1.0 - self._burst + self.used(now)) / self._rate)
