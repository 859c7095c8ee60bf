"""What the registry's application needs of the world."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from parlour.contracts.relay import AnyRelayCommand, TransportGone
from parlour.registry.domain.node_directory import NodeSampler

R = TypeVar("R")
MonotonicClock = Callable[[], float]
"""Monotonic seconds."""


class Chance(NodeSampler, Protocol):
    """The part of `random.Random` that placement and pauses need."""

    def uniform(self, a: float, b: float) -> float:
        """A number between `a` and `b`."""
        ...


class RelayClient(Protocol):
    """Sends requests to relay nodes, and facts in place of dead ones."""

    async def request(self, node: str, command: AnyRelayCommand, result_type: type[R]) -> R:
        """The node's answer; its refusal, or that it does not answer, is raised as `Rejection`."""
        ...

    async def publish_loss(self, fact: TransportGone) -> None:
        """Publishes, in place of a node that cannot, that a transport ended, so that gateways inform its client."""
        ...


LoadLiveRooms = Callable[[], Awaitable[list[tuple[int, str]]]]
"""Loads app and room of every open room with a live stream, over the whole log."""
