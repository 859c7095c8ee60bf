"""What a decision about a room commits: its events, with the claims and deadlines that change in the same unit.

Claims: `open_room` (room name → room_uid) for a call; `client_session` (actor, slot room → session) for a session that is in a room. Units
of other services require the latter, so that nothing commits for a session after its end.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.kernel.decider import Clock, Ids, fold
from parlour.kernel.log import Append, AppendUnit, Claim, Deadline, EventLog, LogKey
from parlour.kernel.rejection import Rejection
from parlour.room.domain import room as domain
from parlour.room.domain.memberships import Membership
from parlour.runtime.clock import reaction_id
from parlour.runtime.deciding.context import CommandContext, CommitResult
from parlour.runtime.deciding.state_cache import RoomSnapshot, StateCache

SERVICE = "room"
SERVICE_PRINCIPAL = "service:room"
OPEN_ROOM = "open_room"
CLIENT_SESSION = "client_session"
HEARTBEAT = "heartbeat"
EMPTY = "empty"


class RoomDecision(msgspec.Struct, frozen=True):
    """What commands did to one call of a room: at most one change, and its side effects. `log` is None where no room is open."""

    log: LogKey | None
    events: tuple[ev.Event, ...] = ()
    changes: tuple[Append, ...] = ()
    claims: tuple[Claim, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    created: bool = False


class RoomDecider(msgspec.Struct, frozen=True):
    """Applies the decider of rooms to loaded rooms. A room that is closed counts as never opened: a login begins its next call."""

    rooms: StateCache[domain.State]
    clock: Clock
    ids: Ids

    async def commit(self, context: CommandContext, command: domain.RoomCommand) -> CommitResult:
        """Decides and commits one command."""
        return await self.rooms.decide_and_commit(context, lambda room: draft_of(context, self.decide(room, command)))

    def decide(
        self, room: RoomSnapshot[domain.State], *commands: domain.RoomCommand, room_limit: int = 1
    ) -> RoomDecision:
        """Decides the commands one after the other; `room_limit` is in how many rooms a session that joins may be.

        Raises `Rejection` where a rule forbids one of them.
        """
        before = room.state if room.open else domain.INITIAL
        state, events = before, ()
        for command in commands:
            happened = domain.decide(state, command, at=self.clock.at(), ids=self.ids)
            state, events = fold(domain.evolve, state, happened), (*events, *happened)
        if not events:
            return RoomDecision(room.key if room.open else None)
        creates = isinstance(events[0], ev.RoomOpened)
        log = LogKey(room.app, room.room, UUID(self.ids.uuid7())) if creates or room.key is None else room.key
        version, closes = 0 if creates else room.version, isinstance(state, domain.Closed)
        change = Append(log, domain.AGGREGATE, version, events, creates, closes)
        return RoomDecision(
            log, events, (change,), _claims(log, events, room_limit), _ended_deadlines(log, before, events), creates
        )


def draft_of(
    context: CommandContext,
    *decisions: RoomDecision,
    result: msgspec.Struct | None = None,
    deadlines: tuple[Deadline, ...] = (),
    actor: str = "",
) -> AppendUnit:
    """One unit of decisions about several rooms; claims that are released come before those that are taken."""
    claims = sorted((claim for each in decisions for claim in each.claims), key=lambda claim: claim.op != "release")
    changes = tuple(change for each in decisions for change in each.changes)
    ended = tuple(deadline for each in decisions for deadline in each.deadlines)
    return context.make_unit(*changes, result=result, claims=tuple(claims), deadlines=(*ended, *deadlines), actor=actor)


def previous_position(room: RoomSnapshot[domain.State]) -> str:
    """The position at which the call before ended; empty for a room's first. Only a fresh state knows that no commit is under way."""
    if room.key is None or room.open:
        return ""
    if not room.fresh:
        raise retry_with_fresh_state()
    return room.position


def retry_with_fresh_state() -> Rejection:
    """Raised in a decision on a state that may be old: the caller loads a fresh one and decides again."""
    return Rejection(Code.UNAVAILABLE, "the room is changing", hint="send it again with the same command id")


def reaction_context(view: EventView, room: str, reaction: str) -> CommandContext:
    """The context of a command about a room that follows from an event, the same however often the event is handled."""
    cause = f"{view.room_uid}:{view.seq}"
    command_id = reaction_id(view.room_uid, view.seq, reaction)
    return CommandContext(view.app, room, command_id, SERVICE_PRINCIPAL, cause.encode(), causation_id=cause)


async def load_memberships(log: EventLog, app: int, actor: str) -> list[Membership]:
    """Reads in which rooms of the app a user is, from the claims."""
    return [Membership(row.slot, row.holder) for row in await log.claims(CLIENT_SESSION, app, actor)]


def _claims(log: LogKey, events: Iterable[ev.Event], room_limit: int) -> tuple[Claim, ...]:
    """The changes of claims that go with the events; what is released comes first."""
    changes = (claim for event in events if (claim := _claim(log, event, room_limit)) is not None)
    return tuple(sorted(changes, key=lambda claim: claim.op != "release"))


def _claim(log: LogKey, event: ev.Event, room_limit: int) -> Claim | None:
    match event:
        case ev.RoomOpened():
            return Claim("take", OPEN_ROOM, log.app, log.room, str(log.uid))
        case ev.RoomClosed():
            return Claim("release", OPEN_ROOM, log.app, log.room, str(log.uid))
        case ev.UserJoined():
            return Claim("take", CLIENT_SESSION, log.app, event.actor, event.session_id, log.room, room_limit)
        case ev.UserLeft() | ev.UserKicked():
            return Claim("release", CLIENT_SESSION, log.app, event.actor, event.session_id, log.room)
        case _:
            return None


class RoomDeadline(msgspec.Struct, frozen=True):
    """The body of a deadline: `what` (HEARTBEAT or EMPTY) to check when it is due, and of which room and session."""

    what: str
    app: int
    room: str
    room_uid: str
    session_id: str = ""


def heartbeat_deadline(log: LogKey, session_id: str, due_at: int) -> Deadline:
    """The end of a suspended session's heartbeat window, in unix microseconds."""
    body = RoomDeadline(HEARTBEAT, log.app, log.room, str(log.uid), session_id)
    return Deadline(SERVICE, _heartbeat_key(log, session_id), due_at, msgspec.json.encode(body))


def empty_deadline(log: LogKey, due_at: int) -> Deadline:
    """The end of the time that an empty room stays open, in unix microseconds."""
    body = RoomDeadline(EMPTY, log.app, log.room, str(log.uid))
    return Deadline(SERVICE, f"{EMPTY}/{log.uid}", due_at, msgspec.json.encode(body))


def _ended_deadlines(log: LogKey, before: domain.State, events: Iterable[ev.Event]) -> tuple[Deadline, ...]:
    """Clears the heartbeat deadlines of suspended sessions that resume or leave by the events."""
    if not isinstance(before, domain.Open):
        return ()
    ending = [event.session_id for event in events if isinstance(event, ev.UserResumed | ev.UserLeft | ev.UserKicked)]
    suspended = [one for one in ending if (member := before.members.get(one)) is not None and member.suspended]
    return tuple(Deadline(SERVICE, _heartbeat_key(log, session_id), None) for session_id in suspended)


def _heartbeat_key(log: LogKey, session_id: str) -> str:
    return f"{HEARTBEAT}/{log.uid}/{session_id}"
