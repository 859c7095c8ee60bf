"""From a loaded room and a command to a draft: events with their claims and deadlines."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.kernel.decider import Clock, Ids, fold
from parlour.kernel.log import Claim, Deadline, LogKey
from parlour.kernel.rejection import Rejection
from parlour.room.domain import room as domain
from parlour.room.domain.commands import RoomCommand
from parlour.runtime.deciding.drafts import Change
from parlour.runtime.deciding.rooms import Loaded

from . import consequences


class Outcome(msgspec.Struct, frozen=True):
    """What commands did to one life of a room: at most one change, and what goes with it."""

    log: LogKey | None
    events: tuple[ev.Event, ...] = ()
    changes: tuple[Change, ...] = ()
    claims: tuple[Claim, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    created: bool = False


class Drafting:
    """Decides on loaded rooms. A life that has ended counts as none: a login opens the next one."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    def outcome(self, room: Loaded[domain.State], commands: Iterable[RoomCommand], *, seats: int = 1) -> Outcome:
        """What `commands`, one after the other, do to the room."""
        before = room.state if room.open else domain.INITIAL
        state, events = before, ()
        for command in commands:
            happened = domain.decide(state, command, at=self._clock.at(), ids=self._ids)
            state, events = fold(domain.evolve, state, happened), (*events, *happened)
        if not events:
            return Outcome(room.key if room.open else None)
        return self._changed(room, before, state, events, seats)

    def _changed(
        self,
        room: Loaded[domain.State],
        before: domain.State,
        after: domain.State,
        events: tuple[ev.Event, ...],
        seats: int,
    ) -> Outcome:
        creates = isinstance(events[0], ev.RoomOpened)
        log = LogKey(room.app, room.room, UUID(self._ids.uuid7())) if creates or room.key is None else room.key
        change = Change(
            log, domain.AGGREGATE, 0 if creates else room.version, events, creates, isinstance(after, domain.Closed)
        )
        claims = consequences.claims_of(log, events, seats)
        return Outcome(log, events, (change,), claims, consequences.cleared(log, before, events), creates)


def previous_position(room: Loaded[domain.State]) -> str:
    """Where the life before ended; empty for the first. Only a fresh look knows that nothing is under way."""
    if room.key is None or room.open:
        return ""
    if not room.fresh:
        raise look_again()
    return room.position


def look_again() -> Rejection:
    """Raised in a decision on a state that may be old: the caller loads a fresh one and decides again."""
    return Rejection.of(Code.UNAVAILABLE, "the room is changing", hint="send it again with the same command id")
