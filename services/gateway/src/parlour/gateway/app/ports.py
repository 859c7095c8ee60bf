"""The other services as the gateway's application sees them, and the commands that it sends on its own account."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.envelope import EventView
from parlour.contracts.queries import Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.kernel.decider import Ids

R = TypeVar("R")
A = TypeVar("A", bound=msgspec.Struct)
GATEWAY = cmd.Caller(kind="service")
"""The caller of commands that the gateway sends on its own account, not for a client's session."""


class Services(Protocol):
    """The services that decide about commands."""

    async def ask(self, app: int, room: str, request: cmd.Request) -> cmd.Reply:
        """Sends a command to a service and returns its reply; `Rejection` where the service refuses it."""
        ...


class History(Protocol):
    """The record's answers about one room."""

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        """Returns a page of events."""
        ...

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        """Returns the room's state as of a position."""
        ...


class RecordQueries(Protocol):
    """The record's answers to programs and people: about calls, open rooms, proofs and webhooks."""

    async def query(self, app: int, room: str, name: str, query: msgspec.Struct, kind: type[A]) -> A:
        """Asks the query `name` about a room, or (with an empty room) about the whole app; `Rejection` where the record refuses it."""
        ...

    async def ask_webhooks(self, app: int, question: msgspec.Struct) -> Any:
        """Asks one of `contracts.webhooks`' questions; the answer is of the type that the contract names for it."""
        ...


Unsubscribe = Callable[[], Awaitable[None]]
"""Ends a subscription to a room's events."""


class Events(Protocol):
    """Live events of one room name."""

    async def subscribe(
        self, app: int, room: str, receive: Callable[[EventView], None], on_loss: Callable[[], None]
    ) -> Unsubscribe:
        """Hands each event to `receive`, and calls `on_loss` when some were dropped. Returns once nothing later can be missed."""
        ...


def decode_result(reply: cmd.Reply, kind: type[R]) -> R:
    """Decodes the result that a service's reply carries."""
    return msgspec.json.decode(reply.result, type=kind)


class GatewayCommands:
    """Sends commands on the gateway's own account, not for a client's session."""

    def __init__(self, services: Services, ids: Ids) -> None:
        self._services = services
        self._ids = ids

    async def ask(self, app: int, body: cmd.AnyCommand, kind: type[R], *, room: str = "", command_id: str = "") -> R:
        """Sends a command, under a new id unless one is given, and returns its decoded result; `Rejection` where the service refuses it."""
        request = cmd.Request(command_id or self._ids.uuid7(), GATEWAY, body)
        return decode_result(await self._services.ask(app, room, request), kind)
