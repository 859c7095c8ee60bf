"""Suspends and resumes sessions whose connection comes and goes, and ends them when their heartbeat window is over.

A deadline row carries the window over restarts; whether the session is still silent is asked of the presence tracker when it is due. While
we can't hear, or have not heard for a full grace, nobody is ended: the deadline moves instead.
"""

from collections.abc import Callable

import msgspec

from parlour.kernel.log import AppendUnit, Deadline, DueDeadline
from parlour.room.domain import room as domain
from parlour.room.domain.presence import PresenceTracker, SessionKey, SilentSession
from parlour.runtime.clock import due_id
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import RoomSnapshot

from .room_units import (
    SERVICE,
    SERVICE_PRINCIPAL,
    RoomDeadline,
    RoomDecider,
    draft_of,
    heartbeat_deadline,
)

SECOND_US = 1_000_000


class SessionExpiry(msgspec.Struct, frozen=True):
    """Commits what silence, heartbeats and deadlines do to members. `now` is monotonic seconds."""

    decider: RoomDecider
    presence: PresenceTracker
    now: Callable[[], float]
    window_s: float
    grace_s: float

    async def suspend(self, silent: SilentSession) -> None:
        """Suspends a session that has gone silent; its heartbeat window began when it was last heard."""
        key = silent.key
        member = await self._member(key)
        if member is None or member.suspended:
            self._correct_presence(key, member)
            return
        due_at = self._in(max(0.0, self.window_s - silent.silent_s))

        def decide(room: RoomSnapshot[domain.State]) -> AppendUnit:
            decision = self.decider.decide(room, domain.Suspend(key.session_id))
            if decision.log is None or not decision.events:
                return draft_of(context, decision)
            return draft_of(context, decision, deadlines=(heartbeat_deadline(decision.log, key.session_id, due_at),))

        context = self._call(key, self.decider.ids.uuid7())
        await self.decider.rooms.decide_and_commit(context, decide)
        self.presence.handle_suspended(key)

    async def resume(self, key: SessionKey) -> None:
        """Resumes a suspended session that a gateway has a connection of again."""
        member = await self._member(key)
        if member is None or not member.suspended:
            self._correct_presence(key, member)
            return
        await self.decider.commit(self._call(key, self.decider.ids.uuid7()), domain.Resume(key.session_id))
        self.presence.handle_resumed(key)

    async def handle_deadline(self, deadline: DueDeadline, due: RoomDeadline) -> None:
        """The heartbeat window is over by wall time: ends the session, resumes it, or moves the deadline by what it has left."""
        key = SessionKey(due.app, due.room, due.session_id)
        room = await self.decider.rooms.load(due.app, due.room, fresh=True)
        member = room.state.members.get(due.session_id) if isinstance(room.state, domain.Open) else None
        context = self._call(key, due_id(SERVICE, deadline.key, deadline.due_at))
        if room.key is None or str(room.key.uid) != due.room_uid or member is None or not member.suspended:
            await self.decider.rooms.committer.commit(
                context.make_unit(deadlines=(Deadline(SERVICE, deadline.key, None),))
            )
            return
        left_s = self._left_s(key)
        if left_s > 0:
            later = heartbeat_deadline(room.key, due.session_id, self._in(left_s))
            await self.decider.rooms.committer.commit(context.make_unit(deadlines=(later,)))
        elif self.presence.is_connected(key):
            await self.decider.commit(context, domain.Resume(key.session_id))
            self.presence.handle_resumed(key)
        else:
            await self.decider.commit(context, domain.Expire(key.session_id))
            self.presence.handle_left(key)

    def _left_s(self, key: SessionKey) -> float:
        """How much of the session's window is left; 0 for none, and for a session that is connected."""
        if not self.presence.is_hearing_steadily(self.now()):
            return self.grace_s
        silent_s = self.presence.silent_s(key)
        if silent_s is None or self.presence.is_connected(key):
            return 0.0
        return max(0.0, self.window_s - silent_s)

    async def _member(self, key: SessionKey) -> domain.Member | None:
        room = await self.decider.rooms.load(key.app, key.room)
        return room.state.members.get(key.session_id) if isinstance(room.state, domain.Open) else None

    def _correct_presence(self, key: SessionKey, member: domain.Member | None) -> None:
        """Brings the presence tracker into agreement with the state on the log."""
        if member is None:
            self.presence.handle_left(key)
        elif member.suspended:
            self.presence.handle_suspended(key)
        else:
            self.presence.handle_resumed(key)

    def _call(self, key: SessionKey, command_id: str) -> CommandContext:
        return CommandContext(key.app, key.room, command_id, SERVICE_PRINCIPAL, msgspec.json.encode(key))

    def _in(self, seconds: float) -> int:
        return self.decider.clock.at() + int(seconds * SECOND_US)
