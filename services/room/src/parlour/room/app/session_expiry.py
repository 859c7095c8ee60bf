"""Suspends and resumes sessions whose connection comes and goes, and ends them when their heartbeat window is over.

A deadline row carries the window over restarts; whether the session is still silent is asked of the presence tracker when it is due. While
we can't hear, or have not heard for a full grace, nobody is ended: the deadline moves instead.
"""

from collections.abc import Callable

import msgspec

from parlour.kernel.decider import Clock, Ids
from parlour.kernel.log import AppendUnit, Deadline, DueDeadline
from parlour.room.domain import room as domain
from parlour.room.domain.presence import PresenceTracker, SessionKey, SilentSession
from parlour.runtime.clock import due_id
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache, decide_and_commit

from .room_units import (
    SERVICE,
    SERVICE_PRINCIPAL,
    RoomDeadline,
    RoomDecider,
    draft_of,
    heartbeat_deadline,
)

SECOND_US = 1_000_000


class SessionExpiry:
    """Commits what silence, heartbeats and deadlines do to members. `now` is monotonic seconds."""

    def __init__(
        self,
        cache: StateCache[domain.State],
        committer: Committer,
        decider: RoomDecider,
        presence: PresenceTracker,
        clock: Clock,
        now: Callable[[], float],
        ids: Ids,
        *,
        window_s: float,
        grace_s: float,
    ) -> None:
        self._cache = cache
        self._committer = committer
        self._decider = decider
        self._presence = presence
        self._clock = clock
        self._now = now
        self._ids = ids
        self._window_s = window_s
        self._grace_s = grace_s

    async def suspend(self, silent: SilentSession) -> None:
        """Suspends a session that has gone silent; its heartbeat window began when it was last heard."""
        key = silent.key
        member = await self._member(key)
        if member is None or member.suspended:
            self._correct_presence(key, member)
            return
        due_at = self._in(max(0.0, self._window_s - silent.silent_s))

        def decide(room: RoomSnapshot[domain.State]) -> AppendUnit:
            decision = self._decider.decide(room, domain.Suspend(key.session_id))
            if decision.log is None or not decision.events:
                return draft_of(context, decision)
            return draft_of(context, decision, deadlines=(heartbeat_deadline(decision.log, key.session_id, due_at),))

        context = self._call(key, self._ids.uuid7())
        await decide_and_commit(self._cache, self._committer, context, decide)
        self._presence.handle_suspended(key)

    async def resume(self, key: SessionKey) -> None:
        """Resumes a suspended session that a gateway has a connection of again."""
        member = await self._member(key)
        if member is None or not member.suspended:
            self._correct_presence(key, member)
            return
        await self._commit(self._call(key, self._ids.uuid7()), domain.Resume(key.session_id))
        self._presence.handle_resumed(key)

    async def handle_deadline(self, deadline: DueDeadline, due: RoomDeadline) -> None:
        """The heartbeat window is over by wall time: ends the session, resumes it, or moves the deadline by what it has left."""
        key = SessionKey(due.app, due.room, due.session_id)
        room = await self._cache.load(due.app, due.room, fresh=True)
        member = room.state.members.get(due.session_id) if isinstance(room.state, domain.Open) else None
        context = self._call(key, due_id(SERVICE, deadline.key, deadline.due_at))
        if room.key is None or str(room.key.uid) != due.room_uid or member is None or not member.suspended:
            await self._committer.commit(context.make_unit(deadlines=(Deadline(SERVICE, deadline.key, None),)))
            return
        left_s = self._left_s(key)
        if left_s > 0:
            later = heartbeat_deadline(room.key, due.session_id, self._in(left_s))
            await self._committer.commit(context.make_unit(deadlines=(later,)))
        elif self._presence.is_connected(key):
            await self._commit(context, domain.Resume(key.session_id))
            self._presence.handle_resumed(key)
        else:
            await self._commit(context, domain.Expire(key.session_id))
            self._presence.handle_left(key)

    def _left_s(self, key: SessionKey) -> float:
        """How much of the session's window is left; 0 for none, and for a session that is connected."""
        if not self._presence.is_hearing_steadily(self._now()):
            return self._grace_s
        silent_s = self._presence.silent_s(key)
        if silent_s is None or self._presence.is_connected(key):
            return 0.0
        return max(0.0, self._window_s - silent_s)

    async def _member(self, key: SessionKey) -> domain.Member | None:
        room = await self._cache.load(key.app, key.room)
        return room.state.members.get(key.session_id) if isinstance(room.state, domain.Open) else None

    def _correct_presence(self, key: SessionKey, member: domain.Member | None) -> None:
        """Brings the presence tracker into agreement with the state on the log."""
        if member is None:
            self._presence.handle_left(key)
        elif member.suspended:
            self._presence.handle_suspended(key)
        else:
            self._presence.handle_resumed(key)

    async def _commit(self, context: CommandContext, command: domain.RoomCommand) -> None:
        await decide_and_commit(
            self._cache, self._committer, context, lambda room: draft_of(context, self._decider.decide(room, command))
        )

    def _call(self, key: SessionKey, command_id: str) -> CommandContext:
        return CommandContext(key.app, key.room, command_id, SERVICE_PRINCIPAL, msgspec.json.encode(key))

    def _in(self, seconds: float) -> int:
        return self._clock.at() + int(seconds * SECOND_US)
