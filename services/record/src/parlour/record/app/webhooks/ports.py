"""What delivering webhooks needs of the world."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.record.domain.webhooks.attempts import Answer
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.record.domain.webhooks.progress import Changes, RoomBacklog

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
"""(URL, headers, body): one attempt; never raises for what an endpoint or its network does."""


class LeaseLost(Exception):
    """Another process delivers to the endpoint by now, or nobody shall any more."""


class Attempt(msgspec.Struct, frozen=True):
    """A row of the delivery log. `at` unix microseconds."""

    webhook_id: str
    type: str
    at: int
    number: int
    answer: Answer


class DeadLetter(msgspec.Struct, frozen=True):
    """Events of a life that are given up. `at` unix microseconds."""

    room_uid: UUID
    first: int
    last: int
    at: int
    error: str


class DeliveryStore(Protocol):
    """Where deliveries stand. Methods may raise `LogUnavailable`."""

    async def hold(self, owner: str, now_us: int, lease_us: int, at_most: int) -> tuple[Endpoint, ...]:
        """Renews the owner's leases, takes up to `at_most` free ones, and gives all that are the owner's now."""
        ...

    async def release(self, owner: str) -> None:
        """Gives them all up."""
        ...

    async def progress(self, endpoint: UUID) -> tuple[dict[int, int], tuple[RoomBacklog, ...]]:
        """Cursors and lanes."""
        ...

    async def ranges(self, endpoints: Sequence[UUID]) -> dict[UUID, list[RoomBacklog]]:
        """The lanes of ranges that are to be sent again."""
        ...

    async def save(
        self, endpoint: UUID, owner: str, changes: Changes, attempts: Sequence[Attempt], dead: Sequence[DeadLetter]
    ) -> None:
        """All of it or nothing; `Lost` if the endpoint is not the owner's."""
        ...

    async def disable(self, endpoint: UUID, reason: str) -> None:
        """No more deliveries until somebody enables it."""
        ...
