"""Endpoints as services declare them: where requests arrive, what they decode to, and who handles them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from .address import Address

Headers = Mapping[str, str]
NO_HEADERS: Headers = {}
EndpointHandler = Callable[[Address, Any, Headers], Awaitable[msgspec.Struct]]


class Gate(Protocol):
    """Limits whom an endpoint answers, how often, and how many requests it handles at once."""

    def answers(self, app: int, reply: str) -> bool:
        """Returns whether a request about the app may be answered to this reply subject."""
        ...

    def enter(self, app: int, reply: str, size: int) -> Callable[[], None]:
        """Counts a request of `size` bytes and returns the function that ends it; `Rejection` if there are too many or it is too large."""
        ...


class Endpoint(NamedTuple):
    """A subject that takes requests of one type; without a gate, from everybody whom NATS lets publish there."""

    subject: str
    request_type: Any
    handler: EndpointHandler
    gate: Gate | None = None
