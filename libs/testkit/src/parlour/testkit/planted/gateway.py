"""Faults of the gateway."""

from collections.abc import Awaitable, Callable


def unended_stays() -> None:
    """Nobody looks whose token is over."""
    from parlour.gateway.app.expiry import StayExpiry

    async def end_due(self: StayExpiry, now_s: float) -> None:
        return None

    StayExpiry.end_due = end_due


def unslowed_guesses() -> None:
    """Refused tokens are not counted."""
    from parlour.gateway.app.throttle import Attempt, TokenThrottle

    async def verify(self: TokenThrottle, attempt: Attempt, question: Callable[[], Awaitable[object]]) -> object:
        return await question()

    TokenThrottle.verify = verify  # pyright: ignore[reportAttributeAccessIssue] of a generic method


def every_host() -> None:
    """A gateway on loopback answers whatever name it is asked by."""
    from parlour.gateway.domain.hosts import Hosts

    def answers(self: Hosts, host: str) -> bool:
        return True

    Hosts.answers = answers
