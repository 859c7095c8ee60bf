"""States of rooms as of any moment, folded from the log and remembered for a while.

Remembered are, of each room asked for, its latest known state and one state at every `CHECKPOINT` events; forgetting any of them changes
no answer. They hold opened texts, so all are forgotten when a person is erased.
"""

import asyncio

import msgspec

from parlour.contracts.queries import RoomState
from parlour.kernel.log import EventLog, LogKey
from parlour.kernel.sealing import People
from parlour.kernel.view import apply, empty_room
from parlour.runtime.deciding.readable import Open, open_readable
from parlour.runtime.postgres.cache import Cache

CHECKPOINT = 500
PAGE = 2_000
STATES_KEPT = 4_096
KEPT_FOR_S = 300.0


class RoomStates:
    """`state` answers for one life of a room; concurrent askers of a room share the work."""

    def __init__(self, log: EventLog, people: People, open_records: Open) -> None:
        self._log = log
        self._people = people
        self._open = open_records
        self._latest: Cache[LogKey, RoomState] = Cache(STATES_KEPT, KEPT_FOR_S)
        self._checkpoints: Cache[tuple[LogKey, int], RoomState] = Cache(STATES_KEPT, KEPT_FOR_S)
        self._at_work: dict[LogKey, asyncio.Lock] = {}
        self._erasures = people.erasures

    async def state(self, key: LogKey, seq: int, at: int | None = None) -> RoomState:
        """After event `seq`, or after the last event up to `seq` that is not later than `at`."""
        lock = self._at_work.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return await self._fold(key, seq, at)
        finally:
            if not lock.locked():
                self._at_work.pop(key, None)

    def _heed_erasures(self) -> None:
        if self._people.erasures != self._erasures:
            self._erasures = self._people.erasures
            self._latest = Cache(STATES_KEPT, KEPT_FOR_S)
            self._checkpoints = Cache(STATES_KEPT, KEPT_FOR_S)

    async def _fold(self, key: LogKey, seq: int, at: int | None) -> RoomState:
        self._heed_erasures()
        state = self._nearest(key, seq, at)
        while state.seq < seq:
            records = await self._log.read(key.uid, state.seq, min(PAGE, seq - state.seq))
            if not records:
                break
            views = await open_readable(self._open, self._people, records)
            for record, view in zip(records, views, strict=True):
                if at is not None and record.at > at:
                    return state
                if view is None:  # what can't be read changes nothing but the place
                    state = msgspec.structs.replace(state, seq=record.seq, at=record.at, hash=record.hash.hex())
                else:
                    state = apply(state, view)
                if state.seq % CHECKPOINT == 0:
                    self._checkpoints.put((key, state.seq), state)
        latest = self._latest.get(key)
        if latest is None or latest.seq < state.seq:
            self._latest.put(key, state)
        return state

    def _nearest(self, key: LogKey, seq: int, at: int | None) -> RoomState:
        """The furthest remembered state that is not beyond what is asked."""
        latest = self._latest.get(key)
        if latest is not None and _within(latest, seq, at):
            return latest
        top = min(seq, latest.seq) if latest is not None else seq
        for checkpoint in range(top - top % CHECKPOINT, 0, -CHECKPOINT):
            state = self._checkpoints.get((key, checkpoint))
            if state is not None and _within(state, seq, at):
                return state
        return empty_room(key.app, key.room, str(key.uid))


def _within(state: RoomState, seq: int, at: int | None) -> bool:
    return state.seq <= seq and (at is None or state.at <= at)
