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
from parlour.runtime.clock import reaction_id
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.context import CommandContext
from parlour.runtime.deciding.state_cache import StateCache, decide_and_commit

from .room_units import SERVICE_PRINCIPAL, RoomDecider, draft_of, load_memberships
from .session_expiry import SECOND_US

REACTION = "room-bans"


class BanChecker:
    """Refuses logins that a ban of their app covers."""

    def __init__(self, bans: StateCache[Bans], people: UserKeyStore, clock: Clock) -> None:
        self._bans = bans
        self._people = people
        self._clock = clock

    async def check_login(self, app: int, room: str, actor: str, address: str) -> None:
        """`Rejection` where a ban keeps this user, at this address, out of this room; costs nothing where the app has none."""
        for fresh in (False, True):  # a refusal rests on the latest state of the log
            ban = await self._find_ban(app, room, actor, address, fresh=fresh)
            if ban is None:
                return
        raise _banned(ban)

    async def _find_ban(self, app: int, room: str, actor: str, address: str, *, fresh: bool) -> Ban | None:
        state = (await self._bans.load(app, "", fresh=fresh)).state
        if not state.by_target:
            return None
        known = None
        if address and state.names_addresses():
            known = await self._people.known(app, address_as_user(check_address(address)))
        return state.against(actor, known or "", room, self._clock.at() // SECOND_US)


def _banned(ban: Ban) -> Rejection:
    until = f"until {ban.until_s} (unix seconds)" if ban.until_s else "until it is lifted"
    where = "this room" if ban.target.room else "this app"
    whom = {USER: "this user", ROOM: "everybody"}.get(ban.target.kind, "this address")
    return Rejection(
        Code.BANNED, f"{whom} may not log in to {where} {until}", field="userID" if ban.target.kind == USER else "roomID",
        hint="ask whoever runs the application",
    )  # fmt: skip


class BanEnforcer:
    """Puts out the sessions that a new ban covers."""

    def __init__(
        self, log: EventLog, cache: StateCache[domain.State], committer: Committer, decider: RoomDecider
    ) -> None:
        self._log = log
        self._cache = cache
        self._committer = committer
        self._decider = decider

    async def enforce(self, view: EventView) -> None:
        """The reactor's handler of `ban.placed`: kicks a banned user, closes a banned room. Gateways cut the connections of an address."""
        ban = msgspec.json.decode(view.data, type=ev.BanPlaced)
        cause = f"{view.room_uid}:{view.seq}"
        if ban.kind == ROOM:
            await self._commit(view, cause, ban.room, domain.Close(ban.reason or "banned", ban.by))
        elif ban.kind == USER:
            for membership in await load_memberships(self._log, view.app, ban.actor):
                if ban.room in ("", membership.room):
                    kick = domain.Kick(ban.actor, reason=ban.reason, session_id=membership.session_id, by=ban.by)
                    await self._commit(view, cause, membership.room, kick)

    async def _commit(self, view: EventView, cause: str, room: str, command: domain.RoomCommand) -> None:
        command_id = reaction_id(view.room_uid, view.seq, f"{REACTION}/{room}")
        context = CommandContext(view.app, room, command_id, SERVICE_PRINCIPAL, cause.encode(), causation_id=cause)
        await decide_and_commit(
            self._cache,
            self._committer,
            context,
            lambda loaded: draft_of(context, self._decider.decide(loaded, command)),
        )
