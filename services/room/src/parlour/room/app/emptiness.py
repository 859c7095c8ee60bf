"""An empty room closes: at once, or after a delay in which somebody may come back; in either case behind the removal of its last stream."""

from parlour.contracts import events as ev
from parlour.contracts.envelope import EventView
from parlour.kernel.decider import Clock
from parlour.kernel.log import Deadline, DueDeadline
from parlour.room.domain import commands as cmd
from parlour.room.domain import room as domain
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Draft
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.life.clock import due_id, reaction_id

from . import consequences
from .attendance import PRINCIPAL, SECOND
from .consequences import Due
from .drafting import Drafting, look_again

REACTOR = "room-empty"
CAUSES = frozenset({ev.UserLeft.TAG, ev.UserKicked.TAG, ev.StreamRemoved.TAG})


class Emptiness:
    """Reacts to those who go, and to what they leave behind."""

    def __init__(
        self, cache: StateCache[domain.State], committer: Committer, drafting: Drafting, clock: Clock, *, delay_s: float
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._drafting = drafting
        self._clock = clock
        self._delay_s = delay_s

    async def something_went(self, view: EventView) -> None:
        """The reactor's handler: the room may be empty now."""
        room = await self._cache.load(view.app, view.room)
        if room.key is None or str(room.key.uid) != view.room_uid or room.seq < view.seq:
            room = await self._cache.load(view.app, view.room, fresh=True)
        if not _is_empty(room, view.room_uid) or room.key is None:
            return
        command_id = reaction_id(view.room_uid, view.seq, REACTOR)
        cause = f"{view.room_uid}:{view.seq}"
        call = Call(view.app, view.room, command_id, PRINCIPAL, cause.encode(), causation_id=cause)
        if self._delay_s:
            due_at = self._clock.at() + int(self._delay_s * SECOND)
            await self._committer.commit(call.draft(deadlines=(consequences.empty(room.key, due_at),)))
        else:
            await self._close(call, view.room_uid, ())

    async def delay_over(self, deadline: DueDeadline, due: Due) -> None:
        """Closes the room if it is still empty; the deadline ends in any case."""
        call = Call(
            due.app, due.room, due_id(consequences.SERVICE, deadline.key, deadline.due_at), PRINCIPAL, deadline.body
        )
        await self._close(call, due.room_uid, (Deadline(consequences.SERVICE, deadline.key, None),))

    async def _close(self, call: Call, room_uid: str, deadlines: tuple[Deadline, ...]) -> None:
        def decide(room: Loaded[domain.State]) -> Draft:
            if not _is_empty(room, room_uid):
                return call.draft(deadlines=deadlines)
            if not room.fresh:
                raise look_again()  # a departure under way would hide a stream that was published before it
            outcome = self._drafting.outcome(room, [cmd.CloseIfEmpty()])
            return call.draft(*outcome.changes, claims=outcome.claims, deadlines=deadlines, actor="")

        await decide_and_commit(self._cache, self._committer, call, decide)


def _is_empty(room: Loaded[domain.State], room_uid: str) -> bool:
    same = room.key is not None and str(room.key.uid) == room_uid
    return same and isinstance(room.state, domain.Open) and domain.is_deserted(room.state)
