"""Handles the commands about bans: place, lift, list. The log names users and addresses by their random ids only."""

import msgspec

from parlour.auth.domain import bans as domain
from parlour.contracts import commands as cmd
from parlour.contracts.codes import Code
from parlour.contracts.commands import Reply
from parlour.contracts.ids import check_address, check_by, check_reason, check_room_id, check_user_id, invalid
from parlour.contracts.moderation import Ban, Bans
from parlour.kernel import bans as kernel
from parlour.kernel.bans import ADDRESS, ROOM, USER, Target, address_as_user
from parlour.kernel.decider import Clock
from parlour.kernel.sealing import UserKeyStore
from parlour.runtime.deciding.context import CommandContext, CommitResult, reply_of

from .app_log import AppAggregate

LONGEST_BAN_S = 100 * 366 * 86_400
"""A ban that is meant to last longer has no end at all, which 0 says."""
_ADDRESS_PREFIX = address_as_user("")


class BanHandler:
    """Handles PlaceBan, LiftBan and ListBans."""

    def __init__(self, bans: AppAggregate[kernel.Bans, domain.BanCommand], people: UserKeyStore, clock: Clock) -> None:
        self._bans = bans
        self._people = people
        self._clock = clock

    async def place(self, context: CommandContext, body: cmd.PlaceBan) -> Reply:
        """Places a ban: from the commit on nobody whom it covers logs in, and the room service puts out who is inside."""
        check_reason(body.reason)
        check_by(body.by)
        if body.until_s and body.for_s:
            raise invalid(Code.PARAMETER, "untilS", "name an end or a length, not both")
        if not 0 <= body.for_s <= LONGEST_BAN_S or not 0 <= body.until_s <= self._now_s() + LONGEST_BAN_S:
            raise invalid(Code.PARAMETER, "forS", "the ban is too long", limit=f"0..{LONGEST_BAN_S} s")
        target = await self._target(context.app, body)
        until_s = self._now_s() + body.for_s if body.for_s else body.until_s
        made = Ban(target.kind, "", "", target.room, until_s, body.reason, body.by)
        done = await self._bans.commit(context, domain.PlaceBan(target, until_s, body.reason, body.by), lambda _: made)
        return _with_names(done, body)

    async def lift(self, context: CommandContext, body: cmd.LiftBan) -> Reply:
        """Lifts a ban; one that is not in force is no error."""
        check_by(body.by)
        target = await self._target(context.app, body)
        made = Ban(target.kind, "", "", target.room, by=body.by, in_force=False)
        done = await self._bans.commit(context, domain.LiftBan(target, body.by), lambda _: made)
        return _with_names(done, body)

    async def list_all(self, context: CommandContext, body: cmd.ListBans) -> Reply:
        """Answers with the bans in force; those that end first come first."""
        state = await self._bans.load(context.app, fresh=True)
        found = sorted(state.in_force(self._now_s()), key=lambda ban: (ban.until_s or 2**63, ban.target.room))
        names = await self._people.user_ids(frozenset(ban.target.actor for ban in found if ban.target.actor))
        return Reply.with_result(Bans(tuple(_describe(ban, names.get(ban.target.actor, "")) for ban in found)))

    async def _target(self, app: int, body: cmd.PlaceBan | cmd.LiftBan) -> Target:
        room = check_room_id(body.room) if body.room else ""
        if body.user_id and body.address:
            raise invalid(Code.PARAMETER, "userID", "name a user or an address, not both")
        if body.user_id:
            return Target(USER, await self._people.actor(app, check_user_id(body.user_id)), room)
        if body.address:
            named = address_as_user(check_address(body.address))
            return Target(ADDRESS, await self._people.actor(app, named), room)
        if not room:
            raise invalid(Code.PARAMETER, "userID", "name a user, an address or a room")
        return Target(ROOM, "", room)

    def _now_s(self) -> int:
        return self._clock.at() // domain.SECOND


def _describe(ban: kernel.Ban, name: str) -> Ban:
    """A ban by the name of its user or address, which is empty where it was erased."""
    kind, room = ban.target.kind, ban.target.room
    names = (name, "") if kind == USER else ("", name.removeprefix(_ADDRESS_PREFIX))
    return Ban(kind, *names, room, ban.until_s, ban.reason, ban.by)


def _with_names(done: CommitResult, body: cmd.PlaceBan | cmd.LiftBan) -> Reply:
    """The answer with the names in the command, which the stored answer does not hold."""
    made = msgspec.json.decode(done.answer, type=Ban)
    address = check_address(body.address) if body.address else ""
    return reply_of(done, msgspec.structs.replace(made, user_id=body.user_id, address=address))
