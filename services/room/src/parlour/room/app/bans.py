"""Bans, as the room service heeds them: nobody whom one covers logs in, and who is inside when it is placed is put out.

`auth` decides them and writes them into the app's own log; this service folds them from there.
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
from parlour.kernel.sealing import People
from parlour.room.domain import commands as cmd
from parlour.room.domain import room as domain
from parlour.room.domain.seats import Seat
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, Draft
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit
from parlour.runtime.life.clock import reaction_id

from .attendance import PRINCIPAL, SECOND
from .consequences import CLIENT_SESSION
from .drafting import Drafting

REACTION = "room-bans"


class BanWatch:
    """Tells whether a login is covered by a ban of its app."""

    def __init__(self, bans: StateCache[Bans], people: People, clock: Clock) -> None:
        self._bans = bans
        self._people = people
        self._clock = clock

    async def admit(self, app: int, room: str, actor: str, address: str) -> None:
        """`Rejection` where a ban keeps this user, at this address, out of this room; costs nothing where the app has none."""
        for fresh in (False, True):  # what is refused is refused by what the log says now
            ban = await self._against(app, room, actor, address, fresh=fresh)
            if ban is None:
                return
        raise _banned(ban)

    async def _against(self, app: int, room: str, actor: str, address: str, *, fresh: bool) -> Ban | None:
        state = (await self._bans.load(app, "", fresh=fresh)).state
        if not state.by_target:
            return None
        known = None
        if address and state.names_addresses():
            known = await self._people.known(app, address_as_user(check_address(address)))
        return state.against(actor, known or "", room, self._clock.at() // SECOND)


def _banned(ban: Ban) -> Rejection:
    until = f"until {ban.until_s} (unix seconds)" if ban.until_s else "until it is lifted"
    where = "this room" if ban.target.room else "this app"
    whom = {USER: "this user", ROOM: "everybody"}.get(ban.target.kind, "this address")
    return Rejection.of(
        Code.BANNED, f"{whom} may not log in to {where} {until}", field="userID" if ban.target.kind == USER else "roomID",
        hint="ask whoever runs the application",
    )  # fmt: skip


class BanEnforcement:
    """Puts out who is inside when a ban is placed: the reactor's handler."""

    def __init__(
        self, log: EventLog, cache: StateCache[domain.State], committer: Committer, drafting: Drafting
    ) -> None:
        self._log = log
        self._cache = cache
        self._committer = committer
        self._drafting = drafting

    async def placed(self, view: EventView) -> None:
        """The seats of a banned user are vacated, a banned room is closed. Connections of an address are its gateway's to cut."""
        ban = msgspec.json.decode(view.data, type=ev.BanPlaced)
        cause = f"{view.room_uid}:{view.seq}"
        if ban.kind == ROOM:
            await self._decide(view, cause, ban.room, cmd.Close(ban.reason or "banned", ban.by))
        elif ban.kind == USER:
            for seat in await seats_of(self._log, view.app, ban.actor):
                if ban.room in ("", seat.room):
                    kick = cmd.Kick(ban.actor, reason=ban.reason, session_id=seat.session_id, by=ban.by)
                    await self._decide(view, cause, seat.room, kick)

    async def _decide(self, view: EventView, cause: str, room: str, command: cmd.RoomCommand) -> None:
        command_id = reaction_id(view.room_uid, view.seq, f"{REACTION}/{room}")
        call = Call(view.app, room, command_id, PRINCIPAL, cause.encode(), causation_id=cause)

        def decide(loaded: Loaded[domain.State]) -> Draft:
            outcome = self._drafting.outcome(loaded, [command])
            return call.draft(*outcome.changes, claims=outcome.claims, deadlines=outcome.deadlines, actor="")

        await decide_and_commit(self._cache, self._committer, call, decide)


async def seats_of(log: EventLog, app: int, actor: str) -> list[Seat]:
    """Where in the app a user is, by the claims that the record holds."""
    return [Seat(row.slot, row.holder) for row in await log.claims(CLIENT_SESSION, app, actor)]
