"""Closes a room that is empty: at once, or after a delay in which somebody may come back; in either case behind the removal of its last
stream."""

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.decider import Clock
from parlour.kernel.log import AppendUnit, Deadline, DueDeadline
from parlour.room.domain import room as domain
from parlour.runtime.clock import due_id, reaction_id
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache, decide_and_commit

from .room_units import (
    SERVICE,
    SERVICE_PRINCIPAL,
    RoomDeadline,
    RoomDecider,
    draft_of,
    empty_deadline,
    retry_with_fresh_state,
)
from .session_expiry import SECOND_US

REACTOR = "room-empty"
REACTS_TO = frozenset({ev.UserLeft.TAG, ev.UserKicked.TAG, ev.StreamRemoved.TAG})


class EmptyRoomCloser:
    """Closes empty rooms, `delay_s` after the last session left or the last stream was removed."""

    def __init__(
        self, cache: StateCache[domain.State], committer: Committer, decider: RoomDecider, clock: Clock, *, delay_s: float
    ) -> None:  # fmt: skip
        self._cache = cache
        self._committer = committer
        self._decider = decider
        self._clock = clock
        self._delay_s = delay_s

    async def handle_event(self, view: EventView) -> None:
        """The reactor's handler: an event of `REACTS_TO`, after which the room may be empty."""
        room = await self._cache.load(view.app, view.room)
        if room.key is None or str(room.key.uid) != view.room_uid or room.seq < view.seq:
            room = await self._cache.load(view.app, view.room, fresh=True)
        if not _is_empty(room, view.room_uid) or room.key is None:
            return
        command_id = reaction_id(view.room_uid, view.seq, REACTOR)
        cause = f"{view.room_uid}:{view.seq}"
        context = CommandContext(view.app, view.room, command_id, SERVICE_PRINCIPAL, cause.encode(), causation_id=cause)
        if self._delay_s:
            due_at = self._clock.at() + int(self._delay_s * SECOND_US)
            await self._committer.commit(context.make_unit(deadlines=(empty_deadline(room.key, due_at),)))
        else:
            await self._close(context, view.room_uid, ())

    async def handle_deadline(self, deadline: DueDeadline, due: RoomDeadline) -> None:
        """The delay is over: closes the room if it is still empty; clears the deadline in any case."""
        command_id = due_id(SERVICE, deadline.key, deadline.due_at)
        context = CommandContext(due.app, due.room, command_id, SERVICE_PRINCIPAL, deadline.body)
        await self._close(context, due.room_uid, (Deadline(SERVICE, deadline.key, None),))

    async def _close(self, context: CommandContext, room_uid: str, deadlines: tuple[Deadline, ...]) -> None:
        def decide(room: RoomSnapshot[domain.State]) -> AppendUnit:
            if not _is_empty(room, room_uid):
                return context.make_unit(deadlines=deadlines)
            if not room.fresh:
                raise retry_with_fresh_state()  # a departure under way would hide a stream that was published before it
            return draft_of(context, self._decider.decide(room, domain.CloseIfEmpty()), deadlines=deadlines)

        await decide_and_commit(self._cache, self._committer, context, decide)


def _is_empty(room: RoomSnapshot[domain.State], room_uid: str) -> bool:
    same = room.key is not None and str(room.key.uid) == room_uid
    return same and isinstance(room.state, domain.Open) and domain.is_deserted(room.state)
