"""Relay nodes over the bus."""

from typing import TypeVar

import msgspec

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.queries import Presence
from parlour.contracts.relay import AnyRelayCommand, TransportGone
from parlour.kernel.rejection import Rejection
from parlour.runtime.messaging.bus import Bus, Unavailable

R = TypeVar("R")
ANSWER_TIMEOUT_S = 3.0
"""A relay answers an offer in a few milliseconds; one that does not in this time is treated as down."""


class BusRelayClient:
    """The `RelayClient` on the bus: requests go to `parlour.v1.relay.<node>.cmd.<kind>`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def request(self, node: str, command: AnyRelayCommand, result_type: type[R]) -> R:
        kind = str(command.__struct_config__.tag)
        try:
            return await self._bus.request(subjects.relay_command(node, kind), command, result_type, ANSWER_TIMEOUT_S)
        except Unavailable:
            raise Rejection(Code.RELAY_UNAVAILABLE, "the relay does not answer", hint="try again") from None

    async def publish_loss(self, fact: TransportGone) -> None:
        await self._bus.publish(subjects.relay_fact(fact.node, "transport_gone"), msgspec.json.encode(fact))

    async def publish_presence(self, presence: Presence) -> None:
        """Publishes which sessions are present by their media."""
        await self._bus.publish(subjects.presence(presence.gateway), msgspec.json.encode(presence))
