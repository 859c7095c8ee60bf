"""Enforces bans: refuses the logins that one covers, and puts out the sessions that are in a room when it is placed.

`auth` decides bans and appends them to the app's own log; this service folds them from there.
"""

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import check_address
from parlour.kernel.bans import ROOM, USER, Ban, Bans, address_as_user
from parlour.kernel.decider import Clock
from parlour.kernel.log import EventLog
from parlour.kernel.rejection import Rejection
from parlour.kernel.sealing import UserKeyStore
from parlour.room.domain import room as domain
from parlour.runtime.deciding.state_cache import StateCache

from .room_units import RoomDecider, load_memberships, reaction_context
from .session_expiry import SECOND_US

REACTION = "room-bans"


class BanChecker(msgspec.Struct, frozen=True):
    """Refuses logins that a ban of their app covers."""

    bans: StateCache[Bans]
    people: UserKeyStore
    clock: Clock

    async def check_login(self, app: int, room: str, actor: str, address: str) -> None:
        """`Rejection` where a ban keeps this user, at this address, out of this room; costs nothing where the app has none."""
        for fresh in (False, True):  # a refusal rests on the latest state of the log
            ban = await self._find_ban(app, room, actor, address, fresh=fresh)
            if ban is None:
                return
        raise _banned(ban)

    async def _find_ban(self, app: int, room: str, actor: str, address: str, *, fresh: bool) -> Ban | None:
        state = (await self.bans.load(app, "", fresh=fresh)).state
        if not state.by_target:
            return None
        known = None
        if address and state.names_addresses():
            known = await self.people.known(app, address_as_user(check_address(address)))
        return state.against(actor, known or "", room, self.clock.at() // SECOND_US)


def _banned(ban: Ban) -> Rejection:
    until = f"until {ban.until_s} (unix seconds)" if ban.until_s else "until it is lifted"
    where = "this room" if ban.target.room else "this app"
    whom = {USER: "this user", ROOM: "everybody"}.get(ban.target.kind, "this address")
    return Rejection(
        Code.BANNED, f"{whom} may not log in to {where} {until}", field="userID" if ban.target.kind == USER else "roomID",
        hint="ask whoever runs the application",
    )  # fmt: skip


class BanEnforcer(msgspec.Struct, frozen=True):
    """Puts out the sessions that a new ban covers."""

    log: EventLog
    decider: RoomDecider

    async def enforce(self, view: EventView) -> None:
        """The reactor's handler of `ban.placed`: kicks a banned user, closes a banned room. Gateways cut the connections of an address."""
        ban = msgspec.json.decode(view.data, type=ev.BanPlaced)
        if ban.kind == ROOM:
            await self._commit(view, ban.room, domain.Close(ban.reason or "banned", ban.by))
        elif ban.kind == USER:
            for membership in await load_memberships(self.log, view.app, ban.actor):
                if ban.room in ("", membership.room):
                    kick = domain.Kick(ban.actor, reason=ban.reason, session_id=membership.session_id, by=ban.by)
                    await self._commit(view, membership.room, kick)

    async def _commit(self, view: EventView, room: str, command: domain.RoomCommand) -> None:
        await self.decider.commit(reaction_context(view, room, f"{REACTION}/{room}"), command)
