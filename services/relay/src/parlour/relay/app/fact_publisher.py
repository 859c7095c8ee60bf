"""Numbers the node's facts 1, 2, 3 … within a boot, so that a registry that missed one notices it."""

from collections.abc import Callable

from parlour.contracts import relay as contract
from parlour.relay.domain.session import Track, Transport


class FactPublisher:
    """Makes each fact with its number and sends it. `send` never waits and never fails: media does not depend on who listens."""

    def __init__(self, node: str, boot_id: str, send: Callable[[contract.RelayFact], None]) -> None:
        self.node = node
        self.boot_id = boot_id
        self.number = 0
        self._send = send

    def _next(self) -> tuple[str, str, int]:
        self.number += 1
        return self.node, self.boot_id, self.number

    def publish_node_up(self, addresses: tuple[str, ...], load: contract.NodeLoad) -> None:
        """Publishes the heartbeat, which repeats the last number instead of taking a new one."""
        self._send(contract.NodeUp(self.node, self.boot_id, self.number, addresses, load))

    def publish_connected(self, transport: Transport, took_ms: int) -> None:
        """Publishes that ICE and DTLS of a transport are established, `took_ms` after its answer."""
        self._send(
            contract.TransportConnected(*self._next(), transport.transport_id, transport.owner, transport.app, took_ms)
        )

    def publish_gone(self, transport: Transport, reason: str, streams: tuple[str, ...]) -> None:
        """Publishes that a transport ended, and which streams came in on it."""
        self._send(
            contract.TransportGone(
                *self._next(), transport.transport_id, transport.owner, transport.app, reason, streams
            )
        )

    def publish_move(self, transport: Transport) -> None:
        """Asks a transport's owner to move it to another node; like the heartbeat, it repeats the last number."""
        self._send(
            contract.TransportMove(
                self.node, self.boot_id, self.number, transport.transport_id, transport.owner, transport.app
            )
        )

    def publish_started(self, track: Track) -> None:
        """Publishes that packets of a track arrive."""
        stream = track.slot.stream
        self._send(
            contract.MediaStarted(*self._next(), track.transport_id, stream.app, stream.stream_id, track.slot.kind)
        )

    def publish_stalled(self, track: Track, silent_ms: int) -> None:
        """Publishes that no packets of a track arrive; `silent_ms` is 0 where the publisher said goodbye."""
        stream = track.slot.stream
        self._send(
            contract.MediaStalled(
                *self._next(), track.transport_id, stream.app, stream.stream_id, track.slot.kind, silent_ms
            )
        )
