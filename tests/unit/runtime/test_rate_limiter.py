"""Rates of commands: each counts once for all that it is counted for, or for nothing."""

from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.rate_limiter import RateLimit, RateLimiter

TEN = RateLimit("changes", 10)
TWO = RateLimit("of a user", 2, per_minute=True)


def call(number: int, app: int = 1) -> CommandContext:
    return CommandContext(app, "r", f"id-{number}", "client:", b"")


def test_the_rate_of_one_key_in_which_a_repeated_command_counts_once() -> None:
    limiter = RateLimiter()
    for number in range(10):
        assert limiter.hit(call(number), (TEN, ("1", "r"))) is None
        assert limiter.hit(call(number), (TEN, ("1", "r"))) is None
    assert limiter.hit(call(10), (TEN, ("1", "r"))) == TEN
    assert str(TEN) == "10/s"
    assert limiter.hit(call(11), (TEN, ("1", "another"))) is None
    assert limiter.hit(call(9, app=2), (TEN, ("2", "r"))) is None, "another app's command of that id"


def test_what_one_rate_refuses_is_counted_for_none() -> None:
    limiter = RateLimiter()
    for number in range(2):
        assert limiter.hit(call(number), (TWO, ("ann",)), (TEN, ("r",))) is None
    for number in range(2, 50):
        assert limiter.hit(call(number), (TWO, ("ann",)), (TEN, ("r",))) == TWO
    assert str(TWO) == "2/min"
    for number in range(50, 58):
        assert limiter.hit(call(number), (TWO, (f"user {number}",)), (TEN, ("r",))) is None
    assert limiter.hit(call(58), (TWO, ("bob",)), (TEN, ("r",))) == TEN
