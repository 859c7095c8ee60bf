"""Limits of readers and of requests over HTTP, by token and by app.

Rules. 1. Each limit is counted by token and by app, so that an app which makes itself many tokens has no more than its share of a gateway.
2. Who is over a limit is refused with `RATE_LIMITED`, the limit and the seconds to wait, before the record is asked. 3. Members are no
readers: nothing here delays or refuses a login, a message or an event of a room.
"""

import math
from collections import Counter
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from parlour.contracts.subscriptions import Subscription
from parlour.gateway.domain.token_bucket import RateLimited, TokenBucket
from parlour.runtime.cache import Cache

BUCKETS_MOST = 10_000
"""Token buckets of one kind in memory; the least recently used one is dropped and begins full again."""
READER_RETRY_S = 5
"""Seconds after which a reader may ask for a slot again: streams last long."""
QUERY_RETRY_S = 1
"""Seconds after which a query may ask for a slot again: a query takes milliseconds."""
K = TypeVar("K", bound=Hashable)


class RequestLimits(msgspec.Struct, frozen=True):
    """Limits of readers that wait or stream (`readers`), of requests (`reads`, by token unless they say app) and of one user's WHIP
    offers: on average (`per_s`), in one moment (`burst`) and under way (`at_once`). The settings of the same names explain each.
    """

    readers: int = 5_000
    readers_per_token: int = 100
    readers_per_app: int = 2_500
    reads_per_s: float = 50.0
    reads_burst: float = 200.0
    reads_per_s_per_app: float = 200.0
    reads_burst_per_app: float = 800.0
    reads_at_once_per_app: int = 32
    offers_per_s: float = 5.0
    offers_burst: float = 100.0


class TokenBuckets(Cache[K, TokenBucket]):
    """A bucket for each key. At most `most` are in memory: the one that was used least recently is dropped, and begins full again."""

    def __init__(self, rate: float, burst: float, most: int) -> None:
        super().__init__(most)
        self._rate = rate
        self._burst = burst

    def find_or_add(self, key: K, now: float) -> TokenBucket:
        """Returns the key's bucket, a full one where it had none."""
        bucket = self.get(key)
        if bucket is None:
            bucket = TokenBucket(self._rate, self._burst, now)
            self.put(key, bucket)
        return bucket


class RequestLimiter:
    """Counts requests and readers; a token is known by its id, or by its user. `now` returns seconds of a clock that never goes back."""

    def __init__(self, limits: RequestLimits, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._tokens = TokenBuckets[tuple[int, str]](limits.reads_per_s, limits.reads_burst, BUCKETS_MOST)
        self._apps = TokenBuckets[int](limits.reads_per_s_per_app, limits.reads_burst_per_app, BUCKETS_MOST)
        self._offers = TokenBuckets[tuple[int, str]](limits.offers_per_s, limits.offers_burst, BUCKETS_MOST)
        self._readers: Counter[tuple[int, str]] = Counter()
        self._readers_of_apps: Counter[int] = Counter()
        self._queries: Counter[int] = Counter()

    @property
    def readers(self) -> int:
        """How many readers wait or stream now."""
        return self._readers_of_apps.total()

    def check_rate(self, grant: Subscription) -> None:
        """Counts one request. `RateLimited` where that is too fast for the token or for its app."""
        self._take(self._tokens, _key(grant), "requests with this token", self._limits.reads_per_s)
        self._take(self._apps, grant.app, "requests of this app", self._limits.reads_per_s_per_app)

    def check_offer_rate(self, app: int, user_id: str) -> None:
        """Counts one WHIP or WHEP offer of a user. `RateLimited` where that is too fast."""
        self._take(self._offers, (app, user_id), "offers of this user", self._limits.offers_per_s)

    @contextmanager
    def query_slot(self, grant: Subscription) -> Generator[None]:
        """Counts a request while the record answers it. `RateLimited` where the app has too many under way."""
        if self._queries[grant.app] >= self._limits.reads_at_once_per_app:
            raise _too_many("requests of this app at once", str(self._limits.reads_at_once_per_app), QUERY_RETRY_S)
        with _counted(self._queries, grant.app):
            yield

    @contextmanager
    def reader_slot(self, grant: Subscription) -> Generator[None]:
        """Counts a reader while it waits or streams. `RateLimited` where its token, its app or this gateway has too many."""
        key, limits = _key(grant), self._limits
        if self._readers[key] >= limits.readers_per_token:
            raise _too_many("readers with this token", str(limits.readers_per_token), READER_RETRY_S)
        if self._readers_of_apps[grant.app] >= limits.readers_per_app:
            raise _too_many("readers of this app", str(limits.readers_per_app), READER_RETRY_S)
        if self.readers >= limits.readers:
            raise _too_many("readers at this server", str(limits.readers), READER_RETRY_S)
        with _counted(self._readers, key), _counted(self._readers_of_apps, grant.app):
            yield

    def _take(self, buckets: TokenBuckets[K], key: K, what: str, per_s: float) -> None:
        now = self._now()
        bucket = buckets.find_or_add(key, now)
        if not bucket.take(now):
            raise _too_many(what, f"{per_s:g} a second", math.ceil(bucket.wait_s(now)))


def _key(grant: Subscription) -> tuple[int, str]:
    return grant.app, grant.jti or f"user/{grant.user}"


@contextmanager
def _counted(counts: Counter[K], key: K) -> Generator[None]:
    counts[key] += 1
    try:
        yield
    finally:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]


def _too_many(what: str, limit: str, retry_after_s: int) -> RateLimited:
    return RateLimited(f"too many {what}", retry_after_s, limit=limit)
