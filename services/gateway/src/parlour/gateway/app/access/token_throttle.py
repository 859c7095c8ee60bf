"""Refused tokens slow down whoever sends them, since a token04 can be altered and tried until one passes.

Rules. 1. Each refused token delays its answer, the more of them the address sent lately. An address that sent too many is answered
`RATE_LIMITED` until its time is up, and what it sends meanwhile is not verified. 2. A token that was accepted lately is never slowed,
wherever it comes from: who guesses in somebody's network does not lock them out. 3. Refusals about one app or one user are counted over
all addresses. They delay only addresses from which the app accepted no token lately, and refuse nobody: who guesses from many addresses
locks no user out. 4. All of this is in the memory of one process, at most `ENTRIES_MOST` of each kind.
"""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from prometheus_client import Counter

from parlour.contracts.codes import Code
from parlour.gateway.domain.addresses import holder_of
from parlour.gateway.domain.token_bucket import RateLimited
from parlour.kernel.rejection import Rejection
from parlour.runtime.cache import Cache

from .request_limits import TokenBuckets

ENTRIES_MOST = 10_000
"""Maximum of addresses, apps, users and accepted tokens in memory, about 200 bytes each."""
DELAY_MOST_S = 2.0
"""Delay of the answer to the last refused token that an address may send; earlier ones have a proportional delay."""
UNKNOWN_DELAY_S = 1.0
"""Delay of a token from an unknown address while too many tokens about its app or user are refused."""
DEBT_MIN = 10
"""Most minutes for which an address is refused after it sent many tokens at once."""
ACCEPTED_S = 3600.0
"""How long an address is known to an app after the app accepted a token from it."""
EXPIRED_COST = 0.1
"""Part of a refused token that an expired one counts: it was valid once, and many users may come back with expired tokens at once."""
_COSTS: dict[int, float] = {Code.TOKEN_FORMAT: 1.0, Code.TOKEN_REFUSED: 1.0, Code.TOKEN_EXPIRED: EXPIRED_COST}

R = TypeVar("R")


class Attempt(msgspec.Struct, frozen=True):
    """Who sends which token: a client address (empty: an open reader's token is verified again), the app and the user that the request
    names."""

    token: str
    address: str
    app: str = ""
    user_id: str = ""


class TokenThrottle:
    """Slows down addresses whose tokens are refused: `per_min` refused tokens a minute of one address and about one user are no reason to,
    nor `per_app` about one app. `throttled` counts by outcome; `now` returns seconds of a clock that never goes back,
    `sleep` waits for some seconds.
    """

    def __init__(
        self, per_min: float, per_app: float, throttled: Counter, now: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._per_min = per_min
        self._addresses = TokenBuckets[str](per_min / 60, per_min, ENTRIES_MOST)
        self._apps = TokenBuckets[str](per_app / 60, per_app, ENTRIES_MOST)
        self._users = TokenBuckets[tuple[str, str]](per_min / 60, per_min, ENTRIES_MOST)
        self._accepted = Cache[bytes, bool](ENTRIES_MOST, ACCEPTED_S, now)
        self._known = Cache[tuple[str, str], bool](ENTRIES_MOST, ACCEPTED_S, now)
        self._throttled = throttled
        self._now = now
        self._sleep = sleep

    async def verify(self, attempt: Attempt, question: Callable[[], Awaitable[R]]) -> R:
        """Asks `question` what the token allows, and returns its answer. `RateLimited`, unasked, while the address has to wait."""
        if not attempt.address:
            return await question()
        holder = holder_of(attempt.address)
        digest = hashlib.sha256(attempt.token.encode("utf-8", "replace")).digest()
        await self._admit(attempt, holder, digest)
        try:
            answer = await question()
        except Rejection as refusal:
            cost = _COSTS.get(refusal.problem.code, 0.0)
            if cost:
                self._accepted.drop(digest)
                await self._sleep(self._charge(attempt, holder, cost))
            raise
        self._accepted.put(digest, True)
        self._known.put((attempt.app, holder), True)
        return answer

    async def _admit(self, attempt: Attempt, holder: str, digest: bytes) -> None:
        if self._accepted.get(digest):
            return
        self._check_address(holder)
        if not self._known.get((attempt.app, holder)) and self._is_guessed(attempt):
            self._throttled.labels("delayed").inc()
            await self._sleep(UNKNOWN_DELAY_S)
            self._check_address(holder)

    def _check_address(self, holder: str) -> None:
        bucket = self._addresses.get(holder)
        wait_s = bucket.wait_s(self._now()) if bucket is not None else 0.0
        if wait_s > 0:
            self._throttled.labels("refused").inc()
            raise RateLimited("too many refused tokens from this address", math.ceil(wait_s), field="token")

    def _is_guessed(self, attempt: Attempt) -> bool:
        """Tells whether too many tokens about this app or this user were refused lately, from all addresses together."""
        now = self._now()
        counted = (self._apps.get(attempt.app), self._users.get((attempt.app, attempt.user_id)))
        return any(bucket is not None and bucket.wait_s(now) > 0 for bucket in counted)

    def _charge(self, attempt: Attempt, holder: str, cost: float) -> float:
        """Counts a refusal; returns the seconds by which its answer is delayed."""
        now = self._now()
        self._apps.find_or_add(attempt.app, now).charge(now, cost, 0)
        if attempt.user_id:
            self._users.find_or_add((attempt.app, attempt.user_id), now).charge(now, cost, 0)
        bucket = self._addresses.find_or_add(holder, now)
        bucket.charge(now, cost, DEBT_MIN * self._per_min)
        return DELAY_MOST_S * min(1.0, bucket.used(now) / self._per_min)
