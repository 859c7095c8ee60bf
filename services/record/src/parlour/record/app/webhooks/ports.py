"""What webhooks need: one repository over the tables of endpoints, leases, progress and attempts, and a sender of requests."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from parlour.contracts import webhooks as contract
from parlour.record.domain.webhooks.attempts import Answer
from parlour.record.domain.webhooks.endpoint import Endpoint
from parlour.record.domain.webhooks.progress import Changes, RoomBacklog

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
"""Sends (URL, headers, body) once; never raises for what an endpoint or its network does."""


class LeaseLost(Exception):
    """Another process delivers to the endpoint by now, or it is disabled."""


class Attempt(msgspec.Struct, frozen=True):
    """A row of the delivery log. `number` counts an event's attempts from 1; `at` unix microseconds."""

    webhook_id: str
    type: str
    at: int
    number: int
    answer: Answer


class DeadLetter(msgspec.Struct, frozen=True):
    """Events `first` to `last` of a call that are no longer retried. `at` unix microseconds."""

    room_uid: UUID
    first: int
    last: int
    at: int
    error: str


class EventRange(msgspec.Struct, frozen=True):
    """Events `first` to `last` of a call in shard `p`, which an operator wants sent again."""

    room_uid: UUID
    p: int
    first: int
    last: int


class EndpointRepository(Protocol):
    """What operators do with endpoints. An endpoint of another app counts as none. Methods may raise `LogUnavailable`."""

    async def add(self, endpoint: Endpoint, created_s: int, at_most: int) -> bool:
        """Stores a new endpoint, whose events begin now; one with this id stays as it is. False: the app has `at_most`."""
        ...

    async def list_all(self, app: int, id_: UUID | None) -> tuple[contract.Webhook, ...]:
        """Returns the app's endpoints, or the one with this id, oldest first and without secrets."""
        ...

    async def endpoint(self, app: int, id_: UUID) -> Endpoint | None:
        """Returns one endpoint with its secrets."""
        ...

    async def rotate(self, id_: UUID, secret: str, old_until_s: int) -> None:
        """Adds a secret; the one before signs until `old_until_s` (unix seconds), older ones no more."""
        ...

    async def enable(self, id_: UUID, enabled: bool, reason: str, from_now: bool) -> None:
        """Switches deliveries on or off; `from_now` skips the events that are still to be delivered."""
        ...

    async def remove(self, id_: UUID) -> None:
        """Deletes an endpoint with all that belongs to it."""
        ...

    async def deliveries(self, id_: UUID, before: int, limit: int, failed: bool) -> tuple[contract.Delivery, ...]:
        """Returns a page of the delivery log, newest first; only failures if `failed`."""
        ...

    async def add_attempt(self, id_: UUID, attempt: Attempt) -> int:
        """Adds a row to the delivery log and returns its number."""
        ...

    async def dead_letters(self, id_: UUID, after: int, limit: int) -> tuple[contract.DeadLetter, ...]:
        """Returns a page of dead letters, oldest first."""
        ...

    async def ranges_between(self, app: int, since: int, until: int, at_most: int) -> tuple[EventRange, ...]:
        """Returns the events of the app's calls between two times (unix µs), at most so many calls."""
        ...

    async def range_of(self, app: int, room_uid: UUID) -> EventRange | None:
        """Returns all events of one call of the app."""
        ...

    async def redrive(self, id_: UUID, ranges: tuple[EventRange, ...]) -> None:
        """Adds a backlog for each range."""
        ...

    async def redrive_dead(self, id_: UUID) -> int:
        """Turns all dead letters into backlogs and returns the number of calls that they are of."""
        ...


class DeliveryStore(Protocol):
    """What workers store about deliveries. Methods may raise `LogUnavailable`."""

    async def renew_leases(self, owner: str, now_us: int, lease_us: int, at_most: int) -> tuple[Endpoint, ...]:
        """Renews the owner's leases, takes up to `at_most` free ones, and returns all endpoints that are the owner's now."""
        ...

    async def release_leases(self, owner: str) -> None:
        """Ends all leases of the owner."""
        ...

    async def progress(self, endpoint: UUID) -> tuple[dict[int, int], tuple[RoomBacklog, ...]]:
        """Returns an endpoint's cursors by shard, and its backlogs."""
        ...

    async def redrives(self, endpoints: Sequence[UUID]) -> dict[UUID, list[RoomBacklog]]:
        """Returns by endpoint the backlogs of ranges that are to be sent again."""
        ...

    async def save(
        self, endpoint: UUID, owner: str, changes: Changes, attempts: Sequence[Attempt], dead: Sequence[DeadLetter]
    ) -> None:
        """Stores all or nothing; `LeaseLost` if the endpoint is not the owner's."""
        ...

    async def disable(self, endpoint: UUID, reason: str) -> None:
        """Stops deliveries until an operator enables the endpoint."""
        ...
