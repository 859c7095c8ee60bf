"""Reads the core's flight recorder for people: its runs of decisions, with stream ids in place of numbers and the time of day.

A log is stored when something froze, and whenever an operator asks. The log of one transport is not stored twice within the time that the
recorder reaches back: the second would have the same runs again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from parlour.contracts.relay import FlightLog, FlightRun
from parlour.media_core import Core
from parlour.relay.app.ports import FlightLogStore
from parlour.relay.domain import rejections
from parlour.relay.domain.session import SessionTable, Slot
from parlour.runtime.telemetry.logging import logger

RECORDER_SPAN_S = 10.0
"""How far back the core's recorder reaches."""
log = logger(__name__)


@dataclass(eq=False)
class FlightLogReader:
    """Reads and stores flight logs. `clock` is unix time in seconds."""

    _node: str
    _table: SessionTable
    _core: Core
    _store: FlightLogStore
    _clock: Callable[[], float]
    _stored_at: dict[str, float] = field(init=False, default_factory=dict)

    def read(self, transport_id: str, reason: str) -> FlightLog:
        """Reads and stores the log of a transport; `Rejection` for one that the node does not have."""
        transport = self._table.transports.get(transport_id)
        if transport is None:
            raise rejections.transport_not_found(transport_id)
        try:
            runs = tuple(self._runs(transport_id, transport.number))
        except KeyError:
            raise rejections.transport_not_found(transport_id) from None
        found = FlightLog(self._node, transport_id, transport.app, transport.owner, reason, runs)
        self._store.put(found)
        return found

    def store(self, transport_id: str, reason: str) -> None:
        """Stores the log of a transport on which something froze, unless that was just done."""
        now = self._clock()
        self._stored_at = {each: at for each, at in self._stored_at.items() if now - at < RECORDER_SPAN_S}
        if transport_id in self._stored_at or transport_id not in self._table.transports:
            return
        self._stored_at[transport_id] = now
        runs = self.read(transport_id, reason).runs
        log.warning("flight_log_stored", transport_id=transport_id, reason=reason, runs=len(runs))

    def _runs(self, transport_id: str, number: int) -> Iterator[FlightRun]:
        now = round(self._clock() * 1e6)
        slots = self._slots(transport_id)
        for ago_ms, took_ms, what, medium, first, last, packets, octets in self._core.flight(number):
            slot = slots.get(medium)
            stream, kind = (slot.stream.stream_id, slot.kind) if slot else ("", "")
            yield FlightRun(now - ago_ms * 1000, took_ms, what, stream, kind, first, last, packets, octets)

    def _slots(self, transport_id: str) -> dict[int, Slot]:
        parts = (*self._table.tracks_on(transport_id), *self._table.sinks_on(transport_id))
        return {part.number: part.slot for part in parts}
