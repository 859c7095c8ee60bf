"""Turns the core's events into the lives of transports, and its counters into started and stalled media."""

from parlour.relay.app.fact_book import FactBook
from parlour.relay.app.limits import Limits
from parlour.relay.app.lives import Lives
from parlour.relay.app.ports import CoreEvent, PacketCore
from parlour.relay.domain.session import SessionTable
from parlour.runtime.logging import logger

log = logger(__name__)

GOODBYES = {"ice_timeout": "ice_timeout", "panic": "fault"}
"""Events after which the transport is gone, with the reason that is told."""


class Watch:
    """Handles each core event; `sample` looks at the counters, about once a second."""

    def __init__(self, table: SessionTable, core: PacketCore, lives: Lives, book: FactBook, limits: Limits) -> None:
        self._table = table
        self._core = core
        self._lives = lives
        self._book = book
        self._limits = limits
        self._flowing: set[int] = set()
        self.overflowed = 0
        self.panics = 0

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
                log.warning("core_events_dropped", dropped=dropped)
            case _:
                pass

    def sample(self) -> None:
        """Tells tracks that fell silent and tracks that speak again."""
        counters: dict[int, dict[str, float | None]] = self._core.stats()["tracks"]
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
