"""Handles the core's events, and derives from its counters which media started, stalled or froze."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parlour.media_core import Core
from parlour.relay.app.fact_publisher import FactPublisher
from parlour.relay.app.flight_logs import FlightLogReader
from parlour.relay.app.limits import RelayLimits
from parlour.relay.app.ports import CoreEvent
from parlour.relay.app.transport_lifecycle import TransportLifecycle
from parlour.relay.domain.session import SessionTable
from parlour.runtime.telemetry.logging import logger

log = logger(__name__)

END_REASONS = {"ice_timeout": "ice_timeout", "panic": "fault"}
"""The core's events that end a transport, with the reason that is published."""

FREEZE_MISSES = 10
"""Packets that a player asked for within a second and that could not be sent again: more than a picture can hide."""

SAMPLES_BETWEEN_OVERFLOW_LOGS = 30
"""Half a minute and more."""


@dataclass(eq=False)
class MediaMonitor:
    """`handle_event` is called for each event of the core, `sample` about once a second."""

    _table: SessionTable
    _core: Core
    _transports: TransportLifecycle
    _facts: FactPublisher
    _limits: RelayLimits
    _flight_logs: FlightLogReader
    _missed: dict[int, int] = field(init=False, default_factory=dict)
    _flowing: set[int] = field(init=False, default_factory=set)
    overflowed: int = field(init=False, default=0)
    _overflowed_before: int = field(init=False, default=0)
    _samples: int = field(init=False, default=0)

    async def handle_event(self, event: CoreEvent) -> None:
        """Handles one event of `poll_events`; they come in order."""
        match event:
            case ("dtls", number, datagram):
                self._transports.handle_datagram(number, datagram)
            case ("ice_connected", number, *_):
                self._transports.handle_ice_connected(number)
            case ("media_started", _, number):
                self._handle_started(number)
            case ("bye", _, number):
                self._handle_stalled(number, 0)
            case (("ice_timeout" | "panic") as kind, number, *_):
                await self._transports.end(number, END_REASONS[kind])
            case ("overflow", dropped):
                self.overflowed += dropped
            case _:
                pass

    def sample(self) -> Mapping[str, Any]:
        """Reads the counters: publishes the tracks that stalled or started again, stores flight logs of freezes, returns the counters."""
        stats = self._core.stats()
        self._log_overflow()
        self._find_freezes(stats["sinks"])
        counters: dict[int, dict[str, float | None]] = stats["tracks"]
        limit_ms = self._limits.stalled_after_s * 1000
        for track in list(self._table.all_tracks()):
            silent_ms = counters[track.number].get("last_media_ms_ago") if track.number in counters else None
            if silent_ms is None:
                continue
            if silent_ms >= limit_ms:
                self._handle_stalled(track.number, int(silent_ms))
            else:
                self._handle_started(track.number)
        self._flowing.intersection_update(track.number for track in self._table.all_tracks())
        return stats

    def _log_overflow(self) -> None:
        """Logs how many events were lost, once in a while: a peer that sends junk must not fill the log."""
        dropped = self.overflowed - self._overflowed_before
        self._samples += 1
        if dropped and self._samples >= SAMPLES_BETWEEN_OVERFLOW_LOGS:
            log.warning("core_events_dropped", dropped=dropped)
            self._overflowed_before, self._samples = self.overflowed, 0

    def _handle_started(self, number: int) -> None:
        track = self._table.track_numbered(number)
        if track is not None and number not in self._flowing:
            self._flowing.add(number)
            self._facts.publish_started(track)

    def _handle_stalled(self, number: int, silent_ms: int) -> None:
        track = self._table.track_numbered(number)
        if track is not None and number in self._flowing:
            self._flowing.discard(number)
            self._facts.publish_stalled(track, silent_ms)
            if silent_ms:
                self._flight_logs.store(track.transport_id, "stalled")

    def _find_freezes(self, sinks: dict[int, dict[str, float]]) -> None:
        """Stores the flight log of a player whose picture stands still, since its requests can no longer be met."""
        missed = {number: int(each["nack_misses"]) for number, each in sinks.items()}
        before, self._missed = self._missed, missed
        for number, count in missed.items():
            sink = self._table.sink_numbered(number) if count - before.get(number, 0) >= FREEZE_MISSES else None
            if sink is not None:
                self._flight_logs.store(sink.transport_id, "repairs_missed")
