"""What the gateway needs of the world."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from parlour.contracts import commands as cmd
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery


class Services(Protocol):
    """The services that decide."""

    async def ask(self, app: int, service: str, room: str, request: cmd.Request) -> cmd.Reply:
        """The service's answer; its no as `Rejection`."""
        ...


class History(Protocol):
    """The record's answers about one room."""

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        """A page of events."""
        ...

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        """The state as of a place."""
        ...


class Unsubscribe(Protocol):
    """Ends a subscription."""

    def __call__(self) -> Awaitable[None]: ...


class Events(Protocol):
    """Live events of one room name."""

    async def subscribe(
        self, app: int, room: str, receive: Callable[[EventView], None], lost: Callable[[], None]
    ) -> Unsubscribe:
        """`receive` gets each; `lost` tells that some were dropped. Returns once nothing later can be missed."""
        ...
