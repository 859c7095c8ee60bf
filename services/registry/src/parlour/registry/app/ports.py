"""What the registry needs of the world."""

from typing import Protocol, TypeVar

from parlour.contracts.relay import AnyRelayCommand, TransportGone
from parlour.runtime.deciding.drafts import Call

R = TypeVar("R")


class Relays(Protocol):
    """Relay nodes by name."""

    async def call(self, node: str, command: AnyRelayCommand, result_type: type[R]) -> R:
        """The node's answer; its refusal, or that it is away, as `Rejection`."""
        ...

    async def tell(self, fact: TransportGone) -> None:
        """Says in a dead node's place what it lost, so that gateways can tell the clients."""
        ...


class Rates(Protocol):
    """How often something of a room may change."""

    def admit(self, call: Call, *names: str) -> None:
        """Counts one change of what `names` say, or raises the Rejection that names the limit. A repetition is not counted again."""
        ...
