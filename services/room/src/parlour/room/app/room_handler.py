"""Handles the commands of a room: join, leave, kick, end a stay, close, set extra information, describe."""

import re
from dataclasses import dataclass

import msgspec

from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Joined, Reply
from parlour.contracts.ids import check_by, check_reason, check_room_extra, check_user_id, check_user_name, invalid
from parlour.contracts.live import LiveRoom
from parlour.contracts.moderation import Closed, Kicked
from parlour.kernel.log import AppendUnit, EventLog
from parlour.kernel.sealing import UserKeyStore
from parlour.room.domain import room as domain
from parlour.room.domain.memberships import Membership, memberships_to_end, room_limit
from parlour.runtime.deciding.context import ClaimRefused, CommandContext, CommitResult, reply_of
from parlour.runtime.deciding.state_cache import RoomSnapshot

from .bans import BanChecker
from .room_rates import RoomRates
from .room_units import RoomDecider, draft_of, load_memberships, previous_position, retry_with_fresh_state

_SESSION = re.compile(r"[0-9A-Za-z_.:-]{1,128}")
JOIN_TRIES = 5
"""One user's sessions that log in at the same moment end each other in turn; of more than five at once, some must be sent again."""


@dataclass(eq=False)
class RoomHandler:
    """Handles the commands about rooms and members. Each method returns after the commit. `heartbeat_window_s` is what logins announce."""

    _log: EventLog
    _people: UserKeyStore
    _decider: RoomDecider
    _rates: RoomRates
    _bans: BanChecker
    _heartbeat_window_s: float

    async def join(self, context: CommandContext, body: cmd.JoinRoom) -> Reply:
        """A session enters; other sessions of the user, in whatever rooms of the app, are put out in the same unit."""
        check_user_id(body.user_id)
        check_user_name(body.user_name)
        check_session_id(body.session_id)
        actor = await self._people.actor(context.app, body.user_id)
        await self._bans.check_login(context.app, context.room, actor, body.address)
        others: tuple[Membership, ...] = ()
        for _ in range(JOIN_TRIES):
            try:
                return await self._join(context, body, actor, others)
            except ClaimRefused:  # most users are in no other room: only now is it worth to look
                others = memberships_to_end(
                    Membership(context.room, body.session_id),
                    await load_memberships(self._log, context.app, actor),
                    multi_room=body.multi_room,
                )
        raise retry_with_fresh_state()

    async def _join(
        self, context: CommandContext, body: cmd.JoinRoom, actor: str, others: tuple[Membership, ...]
    ) -> Reply:
        elsewhere = tuple(other for other in others if other.room != context.room)

        def decide(room: RoomSnapshot[domain.State], *left_rooms: RoomSnapshot[domain.State]) -> AppendUnit:
            entered = self._decider.decide(
                room, _join_command(room, body, actor), room_limit=room_limit(body.multi_room)
            )
            if entered.created:
                self._rates.admit_opening(context, actor)
            left = [
                self._decider.decide(
                    left_room, domain.Kick(actor, Code.KICKED_LOGIN_ELSEWHERE, "login elsewhere", other.session_id)
                )
                for other, left_room in zip(elsewhere, left_rooms, strict=True)
            ]
            assert entered.log is not None, "a login that is not refused is in a room"
            joined = Joined(str(entered.log.uid), actor, entered.created, round(self._heartbeat_window_s * 1000))
            return draft_of(context, entered, *left, result=joined, actor=actor)

        left_names = tuple(other.room for other in elsewhere)
        return self._reply(context, await self._decider.rooms.decide_and_commit(context, decide, also=left_names))

    async def leave(self, context: CommandContext, body: cmd.LeaveRoom) -> Reply:
        """A session leaves; one that is not in the room is no error."""
        return await self._commit(context, domain.Leave(body.session_id, check_reason(body.reason)))

    async def kick(self, context: CommandContext, body: cmd.KickUser) -> Reply:
        """Puts a user out; one who is not in the room is no error."""
        check_reason(body.reason)
        actor = await self._people.known(context.app, check_user_id(body.user_id))
        if actor is None:
            return Reply.with_result(Kicked(False))
        return await self._commit(context, domain.Kick(actor, reason=body.reason, by=check_by(body.by)), Kicked)

    async def end_stay(self, context: CommandContext, body: cmd.EndStay) -> Reply:
        """Puts one session out; that it is not in the room any more is no error, nor that the user has another session there."""
        kick = domain.Kick(body.actor, reason=check_reason(body.reason), session_id=check_session_id(body.session_id))
        return await self._commit(context, kick, Kicked)

    async def close(self, context: CommandContext, body: cmd.CloseRoom) -> Reply:
        """Puts everybody out and ends the call."""
        return await self._commit(context, domain.Close(check_reason(body.reason), check_by(body.by)), Closed)

    async def set_extra_info(self, context: CommandContext, body: cmd.SetRoomExtraInfo) -> Reply:
        """Sets the room's one key of extra information."""
        check_room_extra(body.key, body.value)
        self._rates.admit_extra_info(context)
        return await self._commit(context, domain.SetExtraInfo(body.session_id, body.key, body.value))

    async def describe(self, context: CommandContext, body: cmd.DescribeRoom) -> Reply:
        """Answers with the state on which this replica decides at the moment."""
        room = await self._decider.rooms.load(context.app, context.room)
        inside = room.state.members if isinstance(room.state, domain.Open) else ()
        live = LiveRoom(str(room.key.uid) if room.key else "", room.open, tuple(sorted(inside)))
        return Reply.with_result(live, room.position)

    async def _commit(
        self, context: CommandContext, command: domain.RoomCommand, result: type[Kicked] | type[Closed] | None = None
    ) -> Reply:
        """Decides and commits one command; `result` is made of whether anything happened."""

        def decide(room: RoomSnapshot[domain.State]) -> AppendUnit:
            decision = self._decider.decide(room, command)
            return draft_of(context, decision, result=result(bool(decision.events)) if result else None)

        return self._reply(context, await self._decider.rooms.decide_and_commit(context, decide))

    def _reply(self, context: CommandContext, done: CommitResult) -> Reply:
        """The reply with the position of the command's own room, also where nothing happened there."""
        if done.position:
            return reply_of(done)
        room = self._decider.rooms.peek(context.app, context.room)
        return msgspec.structs.replace(reply_of(done), position=room.position if room else "")


def check_session_id(session_id: str) -> str:
    """Checks a session id: a gateway made it, and it stands in claims and in keys of deadlines."""
    if not _SESSION.fullmatch(session_id):
        raise invalid(
            Code.PARAMETER, "sessionID", "the session id is malformed", limit="1..128 of letters, digits and _ . : -"
        )
    return session_id


def _join_command(room: RoomSnapshot[domain.State], body: cmd.JoinRoom, actor: str) -> domain.Join:
    return domain.Join(
        room.app, room.room, body.session_id, actor, body.user_id, body.user_name, body.user_update,
        body.max_member_count, previous_position(room),
    )  # fmt: skip
