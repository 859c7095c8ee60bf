"""Turns the core's events into the lives of transports, and its counters into started and stalled media."""

from collections.abc import Mapping
from typing import Any

from parlour.relay.app.fact_book import FactBook
from parlour.relay.app.flights import Flights
from parlour.relay.app.limits import Limits
from parlour.relay.app.lives import Lives
from parlour.relay.app.ports import CoreEvent, PacketCore
from parlour.relay.domain.session import SessionTable
from parlour.runtime.telemetry.logging import logger

log = logger(__name__)

GOODBYES = {"ice_timeout": "ice_timeout", "panic": "fault"}
"""Events after which the transport is gone, with the reason that is told."""

MISSES_OF_A_FREEZE = 10
"""Repairs that a player asked for within a second and that were gone: more than a picture can hide."""

SAMPLES_BETWEEN_OVERFLOW_LOGS = 30
"""Half a minute and more."""


class Watch:
    """Handles each core event; `sample` looks at the counters, about once a second."""

    def __init__(
        self, table: SessionTable, core: PacketCore, lives: Lives, book: FactBook, limits: Limits, flights: Flights
    ) -> None:
        self._table = table
        self._core = core
        self._lives = lives
        self._book = book
        self._limits = limits
        self._flights = flights
        self._missed: dict[int, int] = {}
        self._flowing: set[int] = set()
        self.overflowed = 0
        self.panics = 0
        self._overflowed_before = 0
        self._samples = 0

    async def handle(self, event: CoreEvent) -> None:
        """One event of `poll_events`; they come in order."""
        match event:
            case ("dtls", number, datagram):
                self._lives.datagram(number, datagram)
            case ("ice_connected", number, *_):
                self._lives.ice_connected(number)
            case ("media_started", _, number):
                self._started(number)
            case ("bye", _, number):
                self._stalled(number, 0)
            case (("ice_timeout" | "panic") as kind, number, *_):
                self.panics += kind == "panic"
                await self._lives.end(number, GOODBYES[kind])
            case ("overflow", dropped):
                self.overflowed += dropped
            case _:
                pass

    def sample(self) -> Mapping[str, Any]:
        """Tells tracks that fell silent and tracks that speak again; gives the counters that say so."""
        stats = self._core.stats()
        self._log_overflow()
        self._look_for_freezes(stats["sinks"])
        counters: dict[int, dict[str, float | None]] = stats["tracks"]
        limit_ms = self._limits.stalled_after_s * 1000
        for track in list(self._table.all_tracks()):
            silent_ms = counters[track.number].get("last_media_ms_ago") if track.number in counters else None
            if silent_ms is None:
                continue
            if silent_ms >= limit_ms:
                self._stalled(track.number, int(silent_ms))
            else:
                self._started(track.number)
        self._flowing.intersection_update(track.number for track in self._table.all_tracks())
        return stats

    def _log_overflow(self) -> None:
        """Says how many events were lost, once in a while: a peer that sends junk must not fill the log."""
        dropped = self.overflowed - self._overflowed_before
        self._samples += 1
        if dropped and self._samples >= SAMPLES_BETWEEN_OVERFLOW_LOGS:
            log.warning("core_events_dropped", dropped=dropped)
            self._overflowed_before, self._samples = self.overflowed, 0

    def _started(self, number: int) -> None:
        track = self._table.track_numbered(number)
        if track is not None and number not in self._flowing:
            self._flowing.add(number)
            self._book.started(track)

    def _stalled(self, number: int, silent_ms: int) -> None:
        track = self._table.track_numbered(number)
        if track is not None and number in self._flowing:
            self._flowing.discard(number)
            self._book.stalled(track, silent_ms)
            if silent_ms:
                self._flights.keep(track.transport_id, "stalled")

    def _look_for_freezes(self, sinks: dict[int, dict[str, float]]) -> None:
        """A player whose requests can no longer be met sees its picture stand still."""
        missed = {number: int(each["nack_misses"]) for number, each in sinks.items()}
        before, self._missed = self._missed, missed
        for number, count in missed.items():
            sink = self._table.sink_numbered(number) if count - before.get(number, 0) >= MISSES_OF_A_FREEZE else None
            if sink is not None:
                self._flights.keep(sink.transport_id, "repairs_missed")
