"""Ends stays in rooms whose token has expired, in apps that ask for it: `apps set APP --on-expiry end`.

Rules. 1. When a stay ends is known with its token, from `auth`, at login and at each renewal; a rule that changes later counts from the
next of them on. 2. The gateway that holds the client's connection, or its WHIP resources, ends the stay; a session that is away is ended
when it comes back, or by the room service, which waits for nobody for long. 3. The room service decides and records it; what failed is
asked again.
"""

import asyncio
from collections.abc import Callable, Iterable
from uuid import UUID, uuid5

import msgspec

from parlour.contracts import commands as cmd
from parlour.gateway.app.ports import GatewayCommands
from parlour.gateway.app.sessions.session import RoomMember, Session
from parlour.kernel.decider import Clock
from parlour.kernel.rejection import Rejection
from parlour.runtime.telemetry.logging import logger

CHECK_EVERY_S = 1.0
COMMANDS_AT_ONCE = 64
"""Stays that are ended side by side: a whole class may have tokens of one minute."""
REASON = "token_expired"
_COMMANDS = UUID("6c1d7e0a-3f52-5b8e-9a64-0f5be2a1c7d3")
"""Namespace of the ids of these commands: the same one for the same stay, however often it is sent."""

log = logger(__name__)


class TokenExpiry:
    """Ends stays whose token has expired. `sessions` returns those whose clients this gateway holds."""

    def __init__(self, commands: GatewayCommands, sessions: Callable[[], Iterable[Session]], clock: Clock) -> None:
        self._commands = commands
        self._sessions = sessions
        self._clock = clock
        self._slots = asyncio.Semaphore(COMMANDS_AT_ONCE)

    async def run(self) -> None:
        """Ends stays each second, until it is cancelled."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await self.end_due(self._clock.at() / 1e6)

    async def end_due(self, now_s: float) -> None:
        """Ends every stay that is over by `now_s` (unix seconds)."""
        members = [member for session in self._sessions() for member in session.rooms.values()]
        await asyncio.gather(*(self._end(member) for member in members if 0 < _ends_s(member) <= now_s))

    async def _end(self, member: RoomMember) -> None:
        session = member.session
        command_id = str(uuid5(_COMMANDS, f"{session.session_id}/{member.room}/{_ends_s(member)}"))
        body = cmd.EndStay(session.session_id, member.actor, REASON)
        async with self._slots:
            try:
                await self._commands.ask(session.app, body, msgspec.Raw, room=member.room, command_id=command_id)
            except Rejection as rejection:
                log.warning("stay_not_ended", app=session.app, code=rejection.problem.code)


def _ends_s(member: RoomMember) -> int:
    rights = member.session.rights.get(member.room)
    return rights.stay_ends_s if rights is not None else 0
