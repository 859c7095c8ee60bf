"""States of rooms as of any moment, folded from the log and cached.

Cached are each room's latest known state and one state every `EVENTS_PER_SNAPSHOT` events; dropping any of them changes no answer. They
hold opened texts, so an erasure of any person empties the cache.
"""

import asyncio

import msgspec

from parlour.contracts.queries import RoomState
from parlour.kernel.log import EventLog, LogKey
from parlour.kernel.sealing import UserKeyStore
from parlour.kernel.view import apply, empty_room
from parlour.runtime.cache import Cache
from parlour.runtime.deciding.sealing import Open, open_readable

EVENTS_PER_SNAPSHOT = 500
EVENTS_PER_READ = 2_000
STATES_CACHED = 4_096
CACHED_FOR_S = 300.0


class RoomStates:
    """Answers `state` for one call of a room; concurrent askers of one call share the work."""

    def __init__(
        self, log: EventLog, people: UserKeyStore, open_records: Open, *,
        events_per_snapshot: int = EVENTS_PER_SNAPSHOT, events_per_read: int = EVENTS_PER_READ,
    ) -> None:  # fmt: skip
        self._log = log
        self._people = people
        self._open = open_records
        self._events_per_snapshot = events_per_snapshot
        self._events_per_read = events_per_read
        self._locks: dict[LogKey, asyncio.Lock] = {}
        self._empty_cache()

    def _empty_cache(self) -> None:
        self._latest: Cache[LogKey, RoomState] = Cache(STATES_CACHED, CACHED_FOR_S)
        self._snapshots: Cache[tuple[LogKey, int], RoomState] = Cache(STATES_CACHED, CACHED_FOR_S)
        self._erasures = self._people.erasures

    async def state(self, key: LogKey, seq: int, at: int | None = None) -> RoomState:
        """Returns the state after event `seq`, or after the last event up to `seq` that is not later than `at` (unix µs)."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return await self._fold(key, seq, at)
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    async def _fold(self, key: LogKey, seq: int, at: int | None) -> RoomState:
        if self._people.erasures != self._erasures:
            self._empty_cache()
        state = self._nearest(key, seq, at)
        while state.seq < seq:
            records = await self._log.read(key.uid, state.seq, min(self._events_per_read, seq - state.seq))
            if not records:
                break
            views = await open_readable(self._open, self._people, records)
            for record, view in zip(records, views, strict=True):
                if at is not None and record.at > at:
                    return state
                if view is None:  # an event that can't be read changes nothing but the position
                    state = msgspec.structs.replace(state, seq=record.seq, at=record.at, hash=record.hash.hex())
                else:
                    state = apply(state, view)
                if state.seq % self._events_per_snapshot == 0:
                    self._snapshots.put((key, state.seq), state)
        latest = self._latest.get(key)
        if latest is None or latest.seq < state.seq:
            self._latest.put(key, state)
        return state

    def _nearest(self, key: LogKey, seq: int, at: int | None) -> RoomState:
        """Returns the furthest cached state that is not beyond what is asked."""
        latest = self._latest.get(key)
        if latest is not None and _is_within(latest, seq, at):
            return latest
        top, step = min(seq, latest.seq) if latest is not None else seq, self._events_per_snapshot
        for snapshot in range(top - top % step, 0, -step):
            state = self._snapshots.get((key, snapshot))
            if state is not None and _is_within(state, seq, at):
                return state
        return empty_room(key.app, key.room, str(key.uid))


def _is_within(state: RoomState, seq: int, at: int | None) -> bool:
    return state.seq <= seq and (at is None or state.at <= at)
