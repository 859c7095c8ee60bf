"""How many may read at once and how often a token may ask: every limit of readers outside in one place."""

import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import Subscription
from parlour.gateway.domain.pace import Buckets
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
        self._paces = Buckets[tuple[int, str]](limits.per_s, limits.burst, TOKENS_KEPT)
        self._offers = Buckets[tuple[int, str]](limits.offers_per_s, limits.offers_burst, TOKENS_KEPT)
        self._readers: Counter[tuple[int, str]] = Counter()

    @property
    def readers(self) -> int:
        """How many wait or stream now."""
        return self._readers.total()

    def pace(self, who: Subscription) -> None:
        """One request more. `Rejection` where that is too fast."""
        if not self._paces.of(_key(who), now := time.monotonic()).take(now):
            raise _too_many("requests with this token", f"{self._limits.per_s:g} a second")

    def pace_offer(self, app: int, user_id: str) -> None:
        """One WHIP or WHEP offer more of a user. `Rejection` where that is too fast."""
        if not self._offers.of((app, user_id), now := time.monotonic()).take(now):
            raise _too_many("offers of this user", f"{self._limits.offers_per_s:g} a second")

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
