"""The commands of a room: join, leave, kick, close, set extra information."""

import msgspec

from parlour.contracts import commands as contract
from parlour.contracts.codes import Code
from parlour.contracts.commands import Joined, Reply
from parlour.contracts.ids import check_room_extra, check_user_id, check_user_name
from parlour.contracts.live import LiveRoom
from parlour.contracts.moderation import Closed, Kicked
from parlour.kernel.log import EventLog
from parlour.kernel.sealing import People
from parlour.room.domain import commands as cmd
from parlour.room.domain import room as domain
from parlour.room.domain.seats import Seat, limit_of, vacated_by
from parlour.runtime.deciding.commit import Committer
from parlour.runtime.deciding.drafts import Call, ClaimRefused, Done, Draft, reply_of
from parlour.runtime.deciding.rooms import Loaded, StateCache, decide_and_commit

from .bans import BanWatch, seats_of
from .drafting import Drafting, Outcome, look_again, previous_position
from .limits import OpeningRates, Rates, check_by, check_reason, check_session_id

TRIES = 5
"""A user's sessions that log in at the same moment take turns; more than five at once are told to come again."""


class Rooms:
    """Handlers. Each returns after the commit."""

    def __init__(
        self,
        log: EventLog,
        people: People,
        cache: StateCache[domain.State],
        committer: Committer,
        drafting: Drafting,
        rates: Rates,
        openings: OpeningRates,
        bans: BanWatch,
    ) -> None:
        self._bans = bans
        self._log = log
        self._people = people
        self._cache = cache
        self._committer = committer
        self._drafting = drafting
        self._rates = rates
        self._openings = openings

    async def join(self, call: Call, body: contract.JoinRoom) -> Reply:
        """Enter; other sessions of the user, wherever they are in the app, are put out in the same unit."""
        check_user_id(body.user_id)
        check_user_name(body.user_name)
        check_session_id(body.session_id)
        actor = await self._people.actor(call.app, body.user_id)
        await self._bans.admit(call.app, call.room, actor, body.address)
        vacated: tuple[Seat, ...] = ()
        for _ in range(TRIES):
            try:
                return await self._join(call, body, actor, vacated)
            except ClaimRefused:  # most users are nowhere else: only now is it worth a question where
                vacated = vacated_by(
                    Seat(call.room, body.session_id),
                    await seats_of(self._log, call.app, actor),
                    multi_room=body.multi_room,
                )
        raise look_again()

    async def _join(self, call: Call, body: contract.JoinRoom, actor: str, vacated: tuple[Seat, ...]) -> Reply:
        elsewhere = tuple(seat for seat in vacated if seat.room != call.room)

        def decide(room: Loaded[domain.State], *others: Loaded[domain.State]) -> Draft:
            entered = self._drafting.outcome(room, [_entering(room, body, actor)], seats=limit_of(body.multi_room))
            if entered.created:
                self._openings.admit(call, actor)
            kicks = [
                cmd.Kick(actor, Code.KICKED_LOGIN_ELSEWHERE, "login elsewhere", seat.session_id) for seat in elsewhere
            ]
            left = [self._drafting.outcome(other, [kick]) for other, kick in zip(others, kicks, strict=True)]
            assert entered.log is not None, "a login that is not refused is in a room"
            return _draft(call, (entered, *left), Joined(str(entered.log.uid), actor, entered.created), actor)

        done = await decide_and_commit(
            self._cache, self._committer, call, decide, also=tuple(seat.room for seat in elsewhere)
        )
        return self._reply(call, done)

    async def leave(self, call: Call, body: contract.LeaveRoom) -> Reply:
        """The session leaves; one that is not there has left."""
        return await self._change(call, cmd.Leave(body.session_id, check_reason(body.reason)))

    async def kick(self, call: Call, body: contract.KickUser) -> Reply:
        """Put a user out; one who is not there is no error."""
        check_reason(body.reason)
        actor = await self._people.known(call.app, check_user_id(body.user_id))
        if actor is None:
            return Reply(msgspec.Raw(msgspec.json.encode(Kicked(False))))
        return await self._change(call, cmd.Kick(actor, reason=body.reason, by=check_by(body.by)), Kicked)

    async def end_stay(self, call: Call, body: contract.EndStay) -> Reply:
        """Put one session out; one that is not there any more is no error, nor is another session of the user."""
        kick = cmd.Kick(body.actor, reason=check_reason(body.reason), session_id=check_session_id(body.session_id))
        return await self._change(call, kick, Kicked)

    async def close(self, call: Call, body: contract.CloseRoom) -> Reply:
        """Put everybody out and end the life."""
        return await self._change(call, cmd.Close(check_reason(body.reason), check_by(body.by)), Closed)

    async def set_extra_info(self, call: Call, body: contract.SetRoomExtraInfo) -> Reply:
        """Set the room's key."""
        check_room_extra(body.key, body.value)
        self._rates.admit(call)
        return await self._change(call, cmd.SetExtraInfo(body.session_id, body.key, body.value))

    async def describe(self, call: Call, body: contract.DescribeRoom) -> Reply:
        """What decisions are made on at this moment."""
        room = await self._cache.load(call.app, call.room)
        inside = room.state.members if isinstance(room.state, domain.Open) else ()
        live = LiveRoom(str(room.key.uid) if room.key else "", room.open, tuple(sorted(inside)))
        return Reply(msgspec.Raw(msgspec.json.encode(live)), position=room.position)

    async def _change(
        self, call: Call, command: cmd.RoomCommand, result: type[Kicked] | type[Closed] | None = None
    ) -> Reply:
        def decide(room: Loaded[domain.State]) -> Draft:
            outcome = self._drafting.outcome(room, [command])
            return _draft(call, (outcome,), result(bool(outcome.events)) if result else None, "")

        return self._reply(call, await decide_and_commit(self._cache, self._committer, call, decide))

    def _reply(self, call: Call, done: Done) -> Reply:
        """With the position in the call's own room, also where nothing happened there."""
        if done.position:
            return reply_of(done)
        room = self._cache.peek(call.app, call.room)
        return msgspec.structs.replace(reply_of(done), position=room.position if room else "")


def _entering(room: Loaded[domain.State], body: contract.JoinRoom, actor: str) -> cmd.Join:
    return cmd.Join(
        room.app, room.room, body.session_id, actor, body.user_id, body.user_name, body.user_update,
        body.max_member_count, previous_position(room),
    )  # fmt: skip


def _draft(call: Call, outcomes: tuple[Outcome, ...], result: msgspec.Struct | None, actor: str) -> Draft:
    """One unit for all rooms; claims that are released come before those that are taken."""
    claims = tuple(sorted((c for o in outcomes for c in o.claims), key=lambda claim: claim.op != "release"))
    changes = tuple(change for outcome in outcomes for change in outcome.changes)
    deadlines = tuple(deadline for outcome in outcomes for deadline in outcome.deadlines)
    return call.draft(*changes, result=result, claims=claims, deadlines=deadlines, actor=actor)
