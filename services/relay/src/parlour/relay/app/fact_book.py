"""Numbers the node's facts: 1, 2, 3 … within a boot, so that who missed one knows it."""

from parlour.contracts.relay import MediaStalled, MediaStarted, NodeLoad, NodeUp, TransportConnected, TransportGone
from parlour.relay.app.ports import Facts
from parlour.relay.domain.session import Track, Transport


class FactBook:
    """Makes each fact with its number and tells it."""

    def __init__(self, node: str, boot_id: str, facts: Facts) -> None:
        self.node = node
        self.boot_id = boot_id
        self.number = 0
        self._facts = facts

    def _next(self) -> tuple[str, str, int]:
        self.number += 1
        return self.node, self.boot_id, self.number

    def node_up(self, addresses: tuple[str, ...], load: NodeLoad) -> None:
        """The heartbeat repeats the last number instead of taking one."""
        self._facts.tell(NodeUp(self.node, self.boot_id, self.number, addresses, load))

    def connected(self, transport: Transport, took_ms: int) -> None:
        """ICE and DTLS stand."""
        self._facts.tell(
            TransportConnected(*self._next(), transport.transport_id, transport.owner, transport.app, took_ms)
        )

    def gone(self, transport: Transport, reason: str, streams: tuple[str, ...]) -> None:
        """A transport ended."""
        self._facts.tell(
            TransportGone(*self._next(), transport.transport_id, transport.owner, transport.app, reason, streams)
        )

    def started(self, track: Track) -> None:
        """Media flows."""
        stream = track.slot.stream
        self._facts.tell(MediaStarted(*self._next(), track.transport_id, stream.app, stream.stream_id, track.slot.kind))

    def stalled(self, track: Track, silent_ms: int) -> None:
        """Media stopped flowing."""
        stream = track.slot.stream
        self._facts.tell(
            MediaStalled(*self._next(), track.transport_id, stream.app, stream.stream_id, track.slot.kind, silent_ms)
        )
