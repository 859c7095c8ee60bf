"""How many may read at once and how often a token may ask: every limit of readers outside in one place.

Rules. 1. Each limit is counted by token and by app, so that an app which makes itself many tokens has no more than its share of a gateway.
2. Who is over a limit is refused with `RATE_LIMITED`, the limit and the seconds to wait, before the record is asked. 3. Members are no
readers: nothing here delays or refuses a login, a message or an event of a room.
"""

import math
import time
from collections import Counter
from collections.abc import Generator, Hashable
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from parlour.contracts.subscriptions import Subscription
from parlour.gateway.domain.token_bucket import RateLimited, TokenBuckets

TOKENS_KEPT = 10_000
"""Paces in memory; who has not asked for longest begins anew."""
PLACE_AGAIN_S = 5
"""When to ask again for a place among the readers: those who stream stay for long."""
READ_AGAIN_S = 1
"""When to ask again for a place among the requests at work: a request takes milliseconds."""
K = TypeVar("K", bound=Hashable)


class RequestLimits(msgspec.Struct, frozen=True):
    """Of readers that wait or stream (`readers`), of requests (`per_s`, `burst`, `at_once`), and of one user's WHIP and WHEP offers."""

    readers: int = 5_000
    readers_per_token: int = 100
    per_s: float = 50.0
    burst: float = 200.0
    offers_per_s: float = 5.0
    offers_burst: float = 100.0
    readers_per_app: int = 2_500
    per_s_per_app: float = 200.0
    burst_per_app: float = 800.0
    at_once_per_app: int = 32


class RequestLimiter:
    """Counts and paces; a token is known by its id, or by its user."""

    def __init__(self, limits: RequestLimits) -> None:
        self._limits = limits
        self._paces = TokenBuckets[tuple[int, str]](limits.per_s, limits.burst, TOKENS_KEPT)
        self._paces_of_apps = TokenBuckets[int](limits.per_s_per_app, limits.burst_per_app, TOKENS_KEPT)
        self._offers = TokenBuckets[tuple[int, str]](limits.offers_per_s, limits.offers_burst, TOKENS_KEPT)
        self._readers: Counter[tuple[int, str]] = Counter()
        self._readers_of_apps: Counter[int] = Counter()
        self._at_work: Counter[int] = Counter()

    @property
    def readers(self) -> int:
        """How many wait or stream now."""
        return self._readers_of_apps.total()

    def pace(self, who: Subscription) -> None:
        """One request more. `RateLimited` where that is too fast for the token or for its app."""
        limits, now = self._limits, time.monotonic()
        _take(self._paces, _key(who), now, "requests with this token", limits.per_s)
        _take(self._paces_of_apps, who.app, now, "requests of this app", limits.per_s_per_app)

    def pace_offer(self, app: int, user_id: str) -> None:
        """One WHIP or WHEP offer more of a user. `RateLimited` where that is too fast."""
        _take(self._offers, (app, user_id), time.monotonic(), "offers of this user", self._limits.offers_per_s)

    @contextmanager
    def asking(self, who: Subscription) -> Generator[None]:
        """One request more that asks the record and is answered at once. `RateLimited` where the app has too many at work."""
        if self._at_work[who.app] >= self._limits.at_once_per_app:
            raise _too_many("requests of this app at once", str(self._limits.at_once_per_app), READ_AGAIN_S)
        with _counted(self._at_work, who.app):
            yield

    @contextmanager
    def reading(self, who: Subscription) -> Generator[None]:
        """A place among the readers. `RateLimited` where there is none."""
        key, limits = _key(who), self._limits
        if self._readers[key] >= limits.readers_per_token:
            raise _too_many("readers with this token", str(limits.readers_per_token), PLACE_AGAIN_S)
        if self._readers_of_apps[who.app] >= limits.readers_per_app:
            raise _too_many("readers of this app", str(limits.readers_per_app), PLACE_AGAIN_S)
        if self.readers >= limits.readers:
            raise _too_many("readers at this server", str(limits.readers), PLACE_AGAIN_S)
        with _counted(self._readers, key), _counted(self._readers_of_apps, who.app):
            yield


def _key(who: Subscription) -> tuple[int, str]:
    return who.app, who.jti or f"user/{who.user}"


@contextmanager
def _counted(counts: Counter[K], key: K) -> Generator[None]:
    counts[key] += 1
    try:
        yield
    finally:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]


def _take(paces: TokenBuckets[K], key: K, now: float, what: str, per_s: float) -> None:
    bucket = paces.of(key, now)
    if not bucket.take(now):
        raise _too_many(what, f"{per_s:g} a second", math.ceil(bucket.wait_s(now)))


def _too_many(what: str, limit: str, retry_after_s: int) -> RateLimited:
    return RateLimited(f"too many {what}", retry_after_s, limit=limit)
