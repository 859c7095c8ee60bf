"""What the application needs from outside, as Protocols: the packet core, DTLS, the senders of facts and samples, ids and time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from parlour.contracts.quality import QualityBatch
from parlour.contracts.relay import FlightLog, RelayFact
from parlour.relay.domain.negotiation import NumberSource
from parlour.relay.domain.sdp.model import Fingerprint


class PacketCore(Protocol):
    """The native core's commands, as `parlour.media_core.Core` has them."""

    def local_candidates(self) -> list[tuple[str, int]]: ...
    def add_transport(
        self,
        transport: int,
        local_ufrag: str,
        local_pwd: str,
        remote_ufrag: str,
        remote_pwd: str,
        *,
        consent_timeout_s: float = 30.0,
    ) -> None: ...
    def restart_ice(
        self, transport: int, local_ufrag: str, local_pwd: str, remote_ufrag: str, remote_pwd: str
    ) -> None: ...
    def remove_transport(self, transport: int) -> None: ...
    def send_dtls(self, transport: int, datagram: bytes) -> None: ...
    def install_srtp(
        self, transport: int, profile: int, rx_key: bytes, rx_salt: bytes, tx_key: bytes, tx_salt: bytes
    ) -> None: ...
    def add_track(
        self,
        transport: int,
        track: int,
        kind: str,
        *,
        mid: str | None,
        ssrcs: list[int],
        payloads: list[tuple[int, str, int, int | None]],
        extensions: dict[str, int],
    ) -> None: ...
    def remove_track(self, track: int) -> None: ...
    def add_sink(
        self,
        sink: int,
        track: int,
        transport: int,
        *,
        ssrc: int,
        rtx_ssrc: int | None,
        payloads: list[tuple[int, int, int | None]],
        extensions: dict[str, int],
        mid: str | None,
    ) -> None: ...
    def remove_sink(self, sink: int) -> None: ...
    def pause_sink(self, sink: int, paused: bool) -> None: ...
    def request_keyframe(self, track: int) -> None: ...
    def stats(self) -> Mapping[str, Any]: ...
    def flight(self, transport: int) -> list[tuple[int, int, str, int, int, int, int, int]]: ...


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


class FactSender(Protocol):
    """Sends facts. It never waits and never fails: media does not depend on who listens."""

    def send(self, fact: RelayFact, /) -> None: ...


class SampleSender(Protocol):
    """Sends quality samples. It never waits and never fails; they may be lost."""

    def send(self, batch: QualityBatch, /) -> None: ...


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

CoreEvent = Sequence[Any]
"""(kind, …) as the core's `poll_events` gives them."""
