"""Which tokens wait behind refused ones, and which never do."""

from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import CollectorRegistry, Counter

from parlour.contracts.codes import Code
from parlour.gateway.app.access import token_throttle
from parlour.gateway.app.access.request_limits import TokenBuckets
from parlour.gateway.app.access.token_throttle import Attempt, TokenThrottle
from parlour.gateway.domain.token_bucket import RateLimited, TokenBucket
from parlour.kernel.rejection import Rejection

MOST = 3


class Clock:
    """Seconds that pass when somebody sleeps, or the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counted() -> Counter:
    return Counter("throttled", "", ("outcome",), registry=CollectorRegistry())


@pytest.fixture
def guarded(clock: Clock, counted: Counter) -> TokenThrottle:
    return TokenThrottle(MOST, 100.0, counted, clock.monotonic, clock.sleep)


def answers(code: Code | None = None) -> Callable[[], Awaitable[str]]:
    """A question that is answered yes, or with a refusal."""

    async def ask() -> str:
        if code is not None:
            raise Rejection(code, "no")
        return "yes"

    return ask


async def refuse(
    guarded: TokenThrottle, times: int, address: str = "203.0.113.7", user: str = "ann", **more: Code
) -> None:
    for number in range(times):
        attempt = Attempt(f"wrong {number}", address, "1", user)
        with pytest.raises(Rejection):
            await guarded.verify(attempt, answers(more.get("code", Code.TOKEN_REFUSED)))


async def test_the_more_were_refused_the_later_is_the_answer(guarded: TokenThrottle, clock: Clock) -> None:
    took: list[float] = []
    for _ in range(MOST):
        began = clock.now
        await refuse(guarded, 1)
        took.append(clock.now - began)
    assert took == sorted(took)
    assert 0 < took[0] < took[-1] <= token_throttle.DELAY_MOST_S


async def test_beyond_the_limit_nothing_is_verified_until_its_time(guarded: TokenThrottle, clock: Clock) -> None:
    await refuse(guarded, MOST)
    with pytest.raises(RateLimited) as caught:
        await guarded.verify(Attempt("good", "203.0.113.7", "1", "bob"), answers())
    assert 0 < caught.value.retry_after_s <= 60 / MOST
    clock.now += caught.value.retry_after_s
    assert await guarded.verify(Attempt("good", "203.0.113.7", "1", "bob"), answers()) == "yes"


async def test_many_at_once_are_owed_but_not_for_ever(guarded: TokenThrottle, clock: Clock) -> None:
    bucket = TokenBucket(1.0, 10.0, clock.now)
    for _ in range(1000):
        bucket.charge(clock.now, 1.0, 30.0)
    assert bucket.wait_s(clock.now) == pytest.approx(31.0)


async def test_an_expired_token_counts_a_tenth(guarded: TokenThrottle) -> None:
    await refuse(guarded, 2 * MOST, code=Code.TOKEN_EXPIRED)
    assert await guarded.verify(Attempt("good", "203.0.113.7", "1", "bob"), answers()) == "yes"


async def test_what_is_no_refusal_of_a_token_counts_nothing(guarded: TokenThrottle) -> None:
    await refuse(guarded, 2 * MOST, code=Code.UNAVAILABLE)
    assert await guarded.verify(Attempt("good", "203.0.113.7", "1", "bob"), answers()) == "yes"


async def test_a_token_that_was_accepted_is_not_slowed(guarded: TokenThrottle, clock: Clock) -> None:
    await guarded.verify(Attempt("ann's", "198.51.100.2", "1", "ann"), answers())
    await refuse(guarded, MOST)
    began = clock.now
    assert await guarded.verify(Attempt("ann's", "203.0.113.7", "1", "ann"), answers()) == "yes"
    assert clock.now == began


async def test_a_token_that_was_accepted_and_is_refused_now_counts(guarded: TokenThrottle) -> None:
    await guarded.verify(Attempt("wrong 0", "203.0.113.7", "1", "ann"), answers())
    await refuse(guarded, MOST)
    with pytest.raises(RateLimited):
        await guarded.verify(Attempt("wrong 0", "203.0.113.7", "1", "ann"), answers())


async def test_a_guessed_user_is_delayed_at_unknown_addresses_alone(
    guarded: TokenThrottle, clock: Clock, counted: Counter
) -> None:
    await guarded.verify(Attempt("first", "198.51.100.2", "1", "ann"), answers())
    for host in range(MOST):
        await refuse(guarded, 1, f"203.0.113.{host}")
    delayed = counted.labels("delayed")._value  # pyright: ignore[reportPrivateUsage] no other way to read it
    began = clock.now
    assert await guarded.verify(Attempt("second", "198.51.100.2", "1", "ann"), answers()) == "yes"
    assert await guarded.verify(Attempt("of bob", "192.0.2.1", "1", "bob"), answers()) == "yes"
    assert (clock.now, delayed.get()) == (began, 0.0)
    assert await guarded.verify(Attempt("third", "192.0.2.2", "1", "ann"), answers()) == "yes"
    assert (clock.now, delayed.get()) == (began + token_throttle.UNKNOWN_DELAY_S, 1.0)


async def test_an_app_that_is_guessed_is_delayed_in_the_same_way(guarded: TokenThrottle, clock: Clock) -> None:
    for number in range(100):
        await refuse(guarded, 1, f"203.0.113.{number}", f"user {number}")
        clock.now -= token_throttle.DELAY_MOST_S / MOST  # they come side by side
    began = clock.now
    assert await guarded.verify(Attempt("good", "192.0.2.2", "1", "zoe"), answers()) == "yes"
    assert clock.now == began + token_throttle.UNKNOWN_DELAY_S


def test_the_key_used_least_recently_is_forgotten() -> None:
    buckets = TokenBuckets[str](1.0, 1.0, most=2)
    for key in ("a", "b", "c"):
        assert buckets.find_or_add(key, 0.0).take(0.0)
    assert buckets.get("a") is None
    assert not buckets.find_or_add("c", 0.0).take(0.0)
