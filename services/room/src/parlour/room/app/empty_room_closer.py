"""Closes a room that is empty: at once, or after a delay in which somebody may come back; in either case behind the removal of its last
stream."""

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.log import AppendUnit, Deadline, DueDeadline
from parlour.room.domain import room as domain
from parlour.runtime.clock import due_id
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import RoomSnapshot

from .room_units import (
    SERVICE,
    SERVICE_PRINCIPAL,
    RoomDeadline,
    RoomDecider,
    draft_of,
    empty_deadline,
    reaction_context,
    retry_with_fresh_state,
)
from .session_expiry import SECOND_US

REACTOR = "room-empty"
REACTS_TO = frozenset({ev.UserLeft.TAG, ev.UserKicked.TAG, ev.StreamRemoved.TAG})


class EmptyRoomCloser(msgspec.Struct, frozen=True):
    """Closes empty rooms, `delay_s` after the last session left or the last stream was removed."""

    decider: RoomDecider
    delay_s: float

    async def handle_event(self, view: EventView) -> None:
        """The reactor's handler: an event of `REACTS_TO`, after which the room may be empty."""
        rooms = self.decider.rooms
        room = await rooms.load(view.app, view.room)
        if room.key is None or str(room.key.uid) != view.room_uid or room.seq < view.seq:
            room = await rooms.load(view.app, view.room, fresh=True)
        if not _is_empty(room, view.room_uid) or room.key is None:
            return
        context = reaction_context(view, view.room, REACTOR)
        if self.delay_s:
            due_at = self.decider.clock.at() + int(self.delay_s * SECOND_US)
            await rooms.committer.commit(context.make_unit(deadlines=(empty_deadline(room.key, due_at),)))
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
            return draft_of(context, self.decider.decide(room, domain.CloseIfEmpty()), deadlines=deadlines)

        await self.decider.rooms.decide_and_commit(context, decide)


def _is_empty(room: RoomSnapshot[domain.State], room_uid: str) -> bool:
    same = room.key is not None and str(room.key.uid) == room_uid
    return same and isinstance(room.state, domain.Open) and domain.is_deserted(room.state)
