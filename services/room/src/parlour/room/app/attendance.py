"""Sessions whose connection comes and goes: suspended, resumed, and ended when the heartbeat window is over.

A deadline row carries the window over restarts; whether it counts is asked of `Presence` when it comes due. While we can't hear, or have
not heard for a full grace, nobody is ended: the deadline moves instead.
"""

import msgspec

from parlour.kernel.decider import Clock, Ids
from parlour.kernel.log import Deadline, DueDeadline
from parlour.room.domain import commands as cmd
from parlour.room.domain import room as domain
from parlour.room.domain.presence import Presence, SessionKey, Silent
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Draft
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.life.clock import due_id

from . import consequences
from .consequences import Due
from .drafting import Drafting, Outcome

SECOND = 1_000_000
PRINCIPAL = "service:room"


class Attendance:
    """What silence, beats and deadlines do to members. `now` is monotonic seconds."""

    def __init__(
        self,
        cache: StateCache[domain.State],
        committer: Committer,
        drafting: Drafting,
        presence: Presence,
        clock: Clock,
        ids: Ids,
        *,
        window_s: float,
        grace_s: float,
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._drafting = drafting
        self._presence = presence
        self._clock = clock
        self._ids = ids
        self._window_s = window_s
        self._grace_s = grace_s

    async def suspend(self, silent: Silent) -> None:
        """The session has gone silent; its window began when it was last heard."""
        key = silent.key
        member = await self._member(key)
        if member is None or member.suspended:
            self._note(key, member)
            return
        due_at = self._in(max(0.0, self._window_s - silent.silent_s))

        def decide(room: Loaded[domain.State]) -> Draft:
            outcome = self._drafting.outcome(room, [cmd.Suspend(key.session_id)])
            begun = (
                (consequences.heartbeat(outcome.log, key.session_id, due_at),) if outcome.log and outcome.events else ()
            )
            return _draft(call, outcome, begun)

        call = self._call(key, self._ids.uuid7())
        await decide_and_commit(self._cache, self._committer, call, decide)
        self._presence.handle_suspended(key)

    async def resume(self, key: SessionKey) -> None:
        """A gateway holds the session again."""
        member = await self._member(key)
        if member is None or not member.suspended:
            self._note(key, member)
            return
        await self._decide(self._call(key, self._ids.uuid7()), cmd.Resume(key.session_id))
        self._presence.handle_resumed(key)

    async def heartbeat_due(self, deadline: DueDeadline, due: Due, now: float) -> None:
        """A suspended session's window is over by the clock on the wall; here it is decided whether it is over."""
        key = SessionKey(due.app, due.room, due.session_id)
        room = await self._cache.load(due.app, due.room, fresh=True)
        member = room.state.members.get(due.session_id) if isinstance(room.state, domain.Open) else None
        call = self._call(key, due_id(consequences.SERVICE, deadline.key, deadline.due_at))
        if room.key is None or str(room.key.uid) != due.room_uid or member is None or not member.suspended:
            await self._committer.commit(call.draft(deadlines=(Deadline(consequences.SERVICE, deadline.key, None),)))
            return
        wait_s = self._wait_s(key, now)
        if wait_s > 0:
            later = consequences.heartbeat(room.key, due.session_id, self._in(wait_s))
            await self._committer.commit(call.draft(deadlines=(later,)))
            return
        back = self._presence.connected(key)
        await self._decide(call, cmd.Resume(key.session_id) if back else cmd.Expire(key.session_id))
        if back:
            self._presence.handle_resumed(key)
        else:
            self._presence.handle_gone(key)

    def _wait_s(self, key: SessionKey, now: float) -> float:
        """How much of the session's time is left; 0 for none, or where it is back."""
        if not self._presence.steady(now):
            return self._grace_s
        silent_s = self._presence.silent_s(key)
        if silent_s is None or self._presence.connected(key):
            return 0.0
        return max(0.0, self._window_s - silent_s)

    async def _member(self, key: SessionKey) -> domain.Member | None:
        room = await self._cache.load(key.app, key.room)
        return room.state.members.get(key.session_id) if isinstance(room.state, domain.Open) else None

    def _note(self, key: SessionKey, member: domain.Member | None) -> None:
        """The log knew better than the machine."""
        if member is None:
            self._presence.handle_gone(key)
        elif member.suspended:
            self._presence.handle_suspended(key)
        else:
            self._presence.handle_resumed(key)

    async def _decide(self, call: Call, command: cmd.RoomCommand) -> None:
        def decide(room: Loaded[domain.State]) -> Draft:
            return _draft(call, self._drafting.outcome(room, [command]), ())

        await decide_and_commit(self._cache, self._committer, call, decide)

    def _call(self, key: SessionKey, command_id: str) -> Call:
        return Call(key.app, key.room, command_id, PRINCIPAL, msgspec.json.encode(key))

    def _in(self, seconds: float) -> int:
        return self._clock.at() + int(seconds * SECOND)


def _draft(call: Call, outcome: Outcome, deadlines: tuple[Deadline, ...]) -> Draft:
    return call.draft(*outcome.changes, claims=outcome.claims, deadlines=(*outcome.deadlines, *deadlines), actor="")
