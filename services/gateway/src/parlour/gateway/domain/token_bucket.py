"""How fast one connection, one address, one token or one app may send: token buckets. Time is an argument."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from parlour.contracts.codes import Code, Problem
from parlour.kernel.rejection import Rejection

K = TypeVar("K", bound=Hashable)


class RateLimited(Rejection):
    """More was asked than a limit allows; the same may be asked again in `retry_after_s` seconds, as `Retry-After` says over HTTP."""

    def __init__(self, message: str, retry_after_s: int, *, field: str = "", limit: str = "") -> None:
        hint = f"try again in {retry_after_s} s"
        super().__init__(Problem(int(Code.RATE_LIMITED), message, field, limit, hint))
        self.retry_after_s = retry_after_s


class TokenBucket:
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

    def charge(self, now: float, units: float, debt: float) -> None:
        """So many units less, whether they are there or not; what is missing is owed, `debt` units at most."""
        self.take(now, 0.0)
        self._left = max(-debt, self._left - units)

    def used(self, now: float) -> float:
        """How many units of the burst are gone, with those that are owed."""
        return max(0.0, self._burst - self._left - (now - self._at) * self._rate)

    def wait_s(self, now: float) -> float:
        """Seconds until one unit is there."""
        return max(0.0, (1.0 - self._burst + self.used(now)) / self._rate)

    def is_full(self, now: float) -> bool:
        """Nothing was taken for so long that a new bucket would be the same."""
        return self._left + (now - self._at) * self._rate >= self._burst


class TokenBuckets(Generic[K]):
    """A bucket for each key. `most` of them are in memory: the one that was used least recently is dropped, and begins anew."""

    def __init__(self, rate: float, burst: float, most: int) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()

    def find(self, key: K) -> TokenBucket | None:
        """The key's bucket where it has one; it counts as used no later."""
        return self._buckets.get(key)

    def of(self, key: K, now: float) -> TokenBucket:
        """The key's bucket, a full one where it has none."""
        bucket = self._buckets.get(key) or TokenBucket(self._rate, self._burst, now)
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket
