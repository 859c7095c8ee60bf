"""Keeps the packet core in step with the session table: each change of a track or sink goes to both, here and nowhere else.

The core may be ahead: a transport that panicked there has taken its tracks and sinks along. Removing what is gone is no error.
"""

from collections.abc import Callable
from contextlib import suppress

from parlour.media_core import Core
from parlour.relay.domain.negotiation import Plan
from parlour.relay.domain.sdp.codecs import payload_map
from parlour.relay.domain.sdp.model import HeaderExtension
from parlour.relay.domain.session import SessionTable, Sink, Track


class Forwarding:
    """The tracks and sinks, in the table and in the core."""

    def __init__(self, table: SessionTable, core: Core) -> None:
        self._table = table
        self._core = core
        self._attached: dict[int, int] = {}

    def carry_out(self, plan: Plan) -> None:
        """Carries a plan out: first what is removed, then what is added, so that an m-line that is bound anew is free by then."""
        for sink in plan.pause_sinks:
            self._pause(sink)
        for sink in plan.drop_sinks:
            self.drop_sink(sink)
        for track in plan.drop_tracks:
            self.drop_track(track)
        for track in plan.add_tracks:
            self._add_track(track)
        for sink in plan.add_sinks:
            self._table.put_sink(sink)
            self._attach(sink)

    def _pause(self, sink: Sink) -> None:
        self._table.put_sink(sink)
        if sink.number in self._attached:
            self._core.pause_sink(sink.number, sink.paused)

    def drop_sink(self, sink: Sink) -> None:
        """Removes a sink from the table and the core."""
        self._table.drop_sink(sink)
        if self._attached.pop(sink.number, None) is not None:
            _remove(self._core.remove_sink, sink.number)

    def drop_track(self, track: Track) -> None:
        """Removes a track; the sinks of its slot stay in the table and wait for the next one."""
        self._table.drop_track(track)
        for sink in self._table.sinks_of(track.slot):
            if self._attached.get(sink.number) == track.number:
                del self._attached[sink.number]
                _remove(self._core.remove_sink, sink.number)
        _remove(self._core.remove_track, track.number)

    def _add_track(self, track: Track) -> None:
        transport = self._table.transports[track.transport_id]
        codec = track.payload.codec
        payload = (codec.payload_type, track.payload.name, codec.clock_rate, track.payload.rtx_payload_type)
        self._core.add_track(
            transport.number, track.number, track.slot.kind, mid=track.mid, ssrcs=list(track.ssrcs), payloads=[payload],
            extensions=_by_uri(track.extensions),
        )  # fmt: skip
        self._table.put_track(track)
        for sink in self._table.sinks_of(track.slot):
            self._attach(sink)

    def _attach(self, sink: Sink) -> None:
        """Connects a sink to its slot's track, if there is one that the player can decode."""
        track = self._table.track(sink.slot)
        payloads = payload_map(track.payload, sink.payloads) if track else []
        if track is None or not payloads:
            return
        self._core.add_sink(
            sink.number, track.number, self._table.transports[sink.transport_id].number, ssrc=sink.ssrc,
            rtx_ssrc=sink.rtx_ssrc, payloads=payloads, extensions=_by_uri(sink.extensions), mid=sink.mid,
        )  # fmt: skip
        self._attached[sink.number] = track.number
        if sink.paused:
            self._core.pause_sink(sink.number, True)


def _remove(remove: Callable[[int], None], number: int) -> None:
    with suppress(KeyError):
        remove(number)


def _by_uri(extensions: tuple[HeaderExtension, ...]) -> dict[str, int]:
    return {extension.uri: extension.id for extension in extensions}
