"""What the application needs beyond the packet core, as Protocols: DTLS, the store of flight logs, ids and time."""

from collections.abc import Callable
from typing import Any, Protocol

from parlour.contracts.relay import FlightLog
from parlour.relay.domain.negotiation import NumberSource
from parlour.relay.domain.sdp.model import Fingerprint


class DtlsConnection(Protocol):
    """The DTLS end of one transport."""

    def deliver(self, datagram: bytes) -> None: ...
    async def connect(self, fingerprints: tuple[Fingerprint, ...]) -> bool: ...
    async def wait_closed(self) -> None: ...
    async def close(self) -> None: ...


class Handshakes(Protocol):
    """Makes the DTLS ends of transports."""

    def endpoint(
        self, owner: str, send: Callable[[bytes], None], keys: Callable[[int, bytes, bytes, bytes, bytes], None]
    ) -> DtlsConnection:
        """`owner` shares the time for handshakes with others; `send` takes datagrams for the peer, `keys` the agreed SRTP keys."""
        ...


class FlightLogStore(Protocol):
    """Stores flight logs. It never waits and never fails."""

    def put(self, found: FlightLog) -> None: ...


class RelayIds(NumberSource, Protocol):
    """New ids and credentials, unguessable where that matters."""

    def transport_id(self) -> str: ...
    def description_id(self) -> int: ...
    def ufrag(self) -> str: ...
    def pwd(self) -> str: ...


MonotonicClock = Callable[[], float]
"""Monotonic seconds."""

CoreEvent = tuple[Any, ...]
"""(kind, …) as the core's `poll_events` gives them."""
