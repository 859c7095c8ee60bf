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


def end_for_any_refusal() -> None:
    """A stream that cannot go on now ends as one whose token reads no more."""
    from parlour.gateway.api import sse

    sse.PASSING = frozenset()  # pyright: ignore[reportConstantRedefinition]


def forgotten_key() -> None:
    """A command that comes again with its idempotency key is another one."""
    from uuid import uuid4

    from parlour.contracts.subscriptions import Subscription
    from parlour.gateway.app import moderation

    def command_id(who: Subscription, key: str) -> str:
        return str(uuid4())

    moderation._command_id = command_id  # pyright: ignore[reportPrivateUsage] what the fault is about


def undescribed_bodies() -> None:
    """The description of HTTP does not say what a request's body has."""
    from typing import Any

    from parlour.gateway.api import described

    def body_of(kind: type, *, required: bool = True) -> dict[str, Any]:
        return {}

    described.body_of = body_of


def unshared_gateway() -> None:
    """Readers and requests of an app have only the limits of their tokens and of the gateway."""
    from contextlib import nullcontext

    from parlour.contracts.subscriptions import Subscription
    from parlour.gateway.app.admission import Admission, Limits

    begin = Admission.__init__

    def begin_unshared(self: Admission, limits: Limits) -> None:
        from msgspec.structs import replace

        begin(self, replace(limits, readers_per_app=limits.readers, per_s_per_app=1e9, burst_per_app=1e9))

    def asking(self: Admission, who: Subscription) -> nullcontext[None]:
        return nullcontext()

    Admission.__init__ = begin_unshared
    Admission.asking = asking  # pyright: ignore[reportAttributeAccessIssue] nothing is counted
