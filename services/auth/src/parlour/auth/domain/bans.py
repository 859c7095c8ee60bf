"""Placing and lifting bans of one app. The fold stands in `parlour.kernel.bans`, since the room service heeds it.

Invariants, cited by the tests:
1. Placing a ban that stands with the same end and reason decides nothing; with another it replaces it.
2. A ban never begins after its end.
3. Lifting what does not stand decides nothing.
4. At most `MAX_BANS` bans of an app are in force.
"""

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.ids import invalid
from parlour.kernel.bans import Bans, Target
from parlour.kernel.decider import Ids
from parlour.kernel.rejection import Rejection

AGGREGATE = ev.BanPlaced.AGGREGATE
MAX_BANS = 10_000
"""Some 3 MB in the memory of each process that heeds them."""
SECOND = 1_000_000


class Place(msgspec.Struct, frozen=True):
    """Keep the target out until `until_s` (unix seconds; 0: until lifted)."""

    target: Target
    until_s: int
    reason: str
    by: str


class Lift(msgspec.Struct, frozen=True):
    """End the target's ban."""

    target: Target
    by: str


def decide(state: Bans, command: Place | Lift, *, at: int, ids: Ids) -> tuple[ev.Event, ...]:
    """What happens; see the invariants. `at` is unix microseconds."""
    now_s = at // SECOND
    target = command.target
    known = state.by_target.get(target)
    stands = known is not None and known.in_force(now_s)
    if isinstance(command, Lift):
        return (ev.BanLifted(target.kind, target.actor, target.room, command.by),) if stands else ()
    if command.until_s and command.until_s <= now_s:
        raise invalid(Code.PARAMETER, "untilS", "the ban would be over already", limit=f"after {now_s}, or 0")
    if known is not None and stands and (known.until_s, known.reason) == (command.until_s, command.reason):
        return ()
    if not stands and len(state.in_force(now_s)) >= MAX_BANS:
        raise Rejection.of(
            Code.RATE_LIMITED,
            "the app has as many bans as it may",
            limit=str(MAX_BANS),
            hint="lift some, or let them end",
        )
    return (ev.BanPlaced(target.kind, target.actor, target.room, command.until_s, now_s, command.reason, command.by),)
