"""Places and lifts bans of one app: the decider of the aggregate `bans`. `evolve` stands in `parlour.kernel.bans`, since the room service
folds them too.

Invariants, cited by the tests:
1. Placing a ban that is in force with the same end and reason decides nothing; with another it replaces it.
2. A ban never begins after its end.
3. Lifting a ban that is not in force decides nothing.
4. At most `MAX_BANS` bans of an app are in force.
"""

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.kernel.bans import INITIAL, Bans, Target
from parlour.kernel.bans import evolve as evolve
from parlour.kernel.decider import Aggregate, Ids
from parlour.kernel.rejection import Rejection

AGGREGATE = Aggregate(ev.BanPlaced.AGGREGATE, INITIAL, evolve)
MAX_BANS = 10_000
"""Some 3 MB in the memory of each process that folds them."""
SECOND = 1_000_000


class PlaceBan(msgspec.Struct, frozen=True):
    """Keep the target out until `until_s` (unix seconds; 0: until lifted)."""

    target: Target
    until_s: int
    reason: str
    by: str


class LiftBan(msgspec.Struct, frozen=True):
    """End the ban that is in force for the target."""

    target: Target
    by: str


BanCommand = PlaceBan | LiftBan


def decide(state: Bans, command: BanCommand, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """The events that the command causes; `Rejection` where a rule forbids it. `at` is unix microseconds; no new ids are needed."""
    now_s = at // SECOND
    target = command.target
    before = state.by_target.get(target)
    in_force = before is not None and before.in_force(now_s)
    if isinstance(command, LiftBan):
        return (ev.BanLifted(target.kind, target.actor, target.room, command.by),) if in_force else ()
    if command.until_s and command.until_s <= now_s:
        raise invalid(Code.PARAMETER, "untilS", "the ban would be over already", limit=f"after {now_s}, or 0")
    if before is not None and in_force and (before.until_s, before.reason) == (command.until_s, command.reason):
        return ()
    if not in_force and len(state.in_force(now_s)) >= MAX_BANS:
        hint = "lift some, or let them end"
        raise Rejection(Code.RATE_LIMITED, "the app has as many bans as it may", limit=str(MAX_BANS), hint=hint)
    return (ev.BanPlaced(target.kind, target.actor, target.room, command.until_s, now_s, command.reason, command.by),)
