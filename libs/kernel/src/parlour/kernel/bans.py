"""Who may not log in to which rooms of an app: the fold of an app's ban events, decided by `auth` and heeded by `room`.

Rules: 1. A target (user, address or everybody; one room or all) has at most one ban: a later one replaces it. 2. A ban is in force until
its time is over or it is lifted. 3. Bans whose time is over leave the state with the next one that is placed.
"""

import msgspec

from parlour.contracts import events as ev

USER, ADDRESS, ROOM = "user", "address", "room"


class Target(msgspec.Struct, frozen=True):
    """Whom a ban is about; `room` empty: every room of the app. `actor` is empty where it is about everybody."""

    kind: str
    actor: str = ""
    room: str = ""


class Ban(msgspec.Struct, frozen=True):
    """One ban; `until_s` is in unix seconds, 0 where it has no end."""

    target: Target
    until_s: int
    reason: str
    by: str

    def in_force(self, now_s: int) -> bool:
        """Returns whether the ban is in force at unix time `now_s`."""
        return not self.until_s or self.until_s > now_s


class Bans(msgspec.Struct, frozen=True):
    """All bans of an app by their target."""

    by_target: dict[Target, Ban] = {}

    def in_force(self, now_s: int) -> tuple[Ban, ...]:
        """Returns the bans that are in force at unix time `now_s`."""
        return tuple(ban for ban in self.by_target.values() if ban.in_force(now_s))

    def against(self, user: str, address: str, room: str, now_s: int) -> Ban | None:
        """Returns the ban that keeps a user (by actor) at an address (by actor, empty: unknown) out of a room, if any."""
        targets = [Target(USER, user), Target(USER, user, room), Target(ROOM, "", room)]
        if address:
            targets += [Target(ADDRESS, address), Target(ADDRESS, address, room)]
        found = (self.by_target.get(target) for target in targets)
        return next((ban for ban in found if ban is not None and ban.in_force(now_s)), None)

    def names_addresses(self) -> bool:
        """Returns whether any ban is about an address: only then an address must be looked up."""
        return any(target.kind == ADDRESS for target in self.by_target)


INITIAL = Bans()


def address_as_user(address: str) -> str:
    """Returns the user id under which an address is sealed; no user's id has its first character."""
    return f"address|{address}"


def evolve(state: Bans, event: ev.Event) -> Bans:
    """Returns the state after one more event; other events change nothing."""
    match event:
        case ev.BanPlaced(kind, actor, room, until_s, at_s, reason, by):
            target = Target(kind, actor, room)
            rest = {known: ban for known, ban in state.by_target.items() if known != target and ban.in_force(at_s)}
            return Bans({**rest, target: Ban(target, until_s, reason, by)})
        case ev.BanLifted(kind, actor, room):
            target = Target(kind, actor, room)
            return Bans({known: ban for known, ban in state.by_target.items() if known != target})
        case _:
            return state
