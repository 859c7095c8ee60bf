"""Answers about one room name: where it stands, what happened, how it was at a moment.

A question names a call by its `room_uid`, or means the room's latest. A call of another room is answered as unknown: askers are admitted
by room name.
"""

from parlour.contracts.codes import Code
from parlour.contracts.ids import SEQ_MAX, Position, invalid
from parlour.contracts.queries import Head, HeadQuery, Replay, ReplayQuery, Snapshot, SnapshotQuery
from parlour.kernel.log import EventLog, LogHead
from parlour.kernel.paging import page_of
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.record.app.archive_index import ArchiveIndex
from parlour.record.app.paging import EVENTS_PER_ANSWER, fit_answer, parse_uuid
from parlour.runtime.deciding.sealing import open_records

from .states import RoomStates


class RoomQueries:
    """Reads each answer from the log, so that it has every acknowledged event. Methods may raise `LogUnavailable`."""

    def __init__(self, log: EventLog, people: UserKeyStore, states: RoomStates, archives: ArchiveIndex) -> None:
        self._log = log
        self._people = people
        self._states = states
        self._archives = archives

    async def head(self, app: int, room: str, query: HeadQuery) -> Head:
        """Returns where the call stands; an empty Head if there is none."""
        found = await self._find(app, room, query.room_uid)
        return Head() if found is None else _head(found)

    async def replay(self, app: int, room: str, query: ReplayQuery) -> Replay:
        """Returns a page of events; of a room that was never opened, an empty one. `Rejection` for an unknown call."""
        if not 0 <= query.after <= SEQ_MAX:
            raise invalid(Code.PARAMETER, "after", "after is an event's number", limit=f"0..{SEQ_MAX}")
        if query.limit < 1:
            raise invalid(Code.PARAMETER, "limit", "limit counts events", limit="1..")
        found = await self._find_known(app, room, query.room_uid)
        if found is None:
            return Replay(Head())
        if query.hash8 and not await has_position(self._log, found, query.after, query.hash8):
            return Replay(_head(found), diverged=True)
        records = await self._log.read(found.log.uid, query.after, min(query.limit, EVENTS_PER_ANSWER))
        events = fit_answer(await open_records(self._people, records))
        last = events[-1].seq if events else query.after
        return Replay(_head(found), events, more=last < found.seq)

    async def snapshot(self, app: int, room: str, query: SnapshotQuery) -> Snapshot:
        """Returns a page of the room's state as of a number, a time or now; without state if the room was never opened."""
        if query.at is not None and not 0 <= query.at <= SEQ_MAX:
            raise invalid(Code.PARAMETER, "at", "at is a time in unix microseconds", limit=f"0..{SEQ_MAX}")
        if query.after < 0:
            raise invalid(Code.PARAMETER, "after", "after counts rows of the state", limit="0..")
        found = await self._find_known(app, room, query.room_uid)
        if found is None:
            return Snapshot()
        wanted = found.seq if query.seq is None else query.seq
        if wanted < 0 or max(wanted, query.min_seq) > found.seq:
            message = f"the room has no event {max(wanted, query.min_seq)}"
            raise Rejection(Code.NOT_FOUND, message, field="seq", limit=f"0..{found.seq}")
        for seq, hash8, field in ((wanted, query.hash8, "at"), (query.min_seq, query.min_hash8, "min_pos")):
            if hash8 and not await has_position(self._log, found, seq, hash8):
                raise resync_needed(found, field)
        return page_of(await self._states.state(found.log, wanted, query.at), query.after)

    async def _find(self, app: int, room: str, room_uid: str) -> LogHead | None:
        if not room_uid:
            return await self._log.latest(app, room)
        found = await self._log.head(parse_uuid(room_uid, "room_uid"))
        return found if found is not None and (found.log.app, found.log.room) == (app, room) else None

    async def _find_known(self, app: int, room: str, room_uid: str) -> LogHead | None:
        """Returns None for a room that was never opened. `Rejection` for a named call that the log does not have: archived, or unknown."""
        found = await self._find(app, room, room_uid)
        if found is not None or not room_uid:
            return found
        archived = await self._archives.find(parse_uuid(room_uid, "room_uid"))
        if archived is not None and (archived.call.app, archived.call.room) == (app, room):
            raise archived.rejection("room_uid")
        hint = "ask without room_uid for the latest"
        raise Rejection(Code.NOT_FOUND, "this room has no such call", field="room_uid", hint=hint)


def _head(found: LogHead) -> Head:
    return Head(str(found.log.uid), found.seq, found.hash.hex(), found.open)


HASH8_BEFORE_FIRST = "0" * 16


async def has_position(log: EventLog, head: LogHead, seq: int, hash8: str) -> bool:
    """Returns whether the log reaches `seq` and its hash there begins with `hash8`."""
    if seq > head.seq:
        return False
    if seq == 0:
        return hash8 == HASH8_BEFORE_FIRST
    records = await log.read(head.log.uid, seq - 1, 1)
    return bool(records) and records[0].hash.hex()[:16] == hash8


def resync_needed(head: LogHead, field: str) -> Rejection:
    """Returns the answer to a position of another history than ours."""
    position = Position(str(head.log.uid), head.seq, head.hash.hex()[:16])
    return Rejection(
        Code.RESYNC_NEEDED, "this position is not in the room's history", field=field,
        hint=f"the room is at {position}",
    )  # fmt: skip
