"""How many may read at once and how often a token may ask: every limit of readers outside in one place."""

import time
from collections import Counter, OrderedDict
from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.domain.pace import Bucket
from parlour.kernel.rejection import Rejection

TOKENS_KEPT = 10_000
"""Paces in memory; who has not asked for longest begins anew."""


class Limits(msgspec.Struct, frozen=True):
    """`readers` that wait or stream, of one gateway and of one token; requests of one token; WHIP and WHEP offers of one user."""

    readers: int = 5_000
    readers_per_token: int = 100
    per_s: float = 50.0
    burst: float = 200.0
    offers_per_s: float = 5.0
    offers_burst: float = 100.0


class Admission:
    """Counts and paces; a token is known by its id, or by its user."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._paces: OrderedDict[tuple[int, str], Bucket] = OrderedDict()
        self._readers: Counter[tuple[int, str]] = Counter()

    @property
    def readers(self) -> int:
        """How many wait or stream now."""
        return self._readers.total()

    def pace(self, who: Subscription) -> None:
        """One request more. `Rejection` where that is too fast."""
        self._take(_key(who), self._limits.per_s, self._limits.burst, "requests with this token")

    def pace_offer(self, app: int, user_id: str) -> None:
        """One WHIP or WHEP offer more of a user. `Rejection` where that is too fast."""
        self._take(
            (app, f"offer/{user_id}"), self._limits.offers_per_s, self._limits.offers_burst, "offers of this user"
        )

    def _take(self, key: tuple[int, str], per_s: float, burst: float, what: str) -> None:
        now = time.monotonic()
        bucket = self._paces.get(key) or Bucket(per_s, burst, now)
        self._paces[key] = bucket
        self._paces.move_to_end(key)
        if len(self._paces) > TOKENS_KEPT:
            self._paces.popitem(last=False)
        if not bucket.take(now):
            raise _too_many(what, f"{per_s:g} a second")

    @contextmanager
    def reading(self, who: Subscription) -> Generator[None]:
        """A place among the readers. `Rejection` where there is none."""
        key = _key(who)
        if self._readers[key] >= self._limits.readers_per_token:
            raise _too_many("readers with this token", str(self._limits.readers_per_token))
        if self.readers >= self._limits.readers:
            raise _too_many("readers at this server", str(self._limits.readers))
        self._readers[key] += 1
        try:
            yield
        finally:
            self._readers[key] -= 1
            if not self._readers[key]:
                del self._readers[key]


def _key(who: Subscription) -> tuple[int, str]:
    return who.app, who.jti or f"user/{who.user}"


def _too_many(what: str, limit: str) -> Rejection:
    return Rejection.of(Code.RATE_LIMITED, f"too many {what}", limit=limit, hint="wait and try again")
