"""Commands on bans, answered by the auth service."""

from .caller import Command


class PlaceBan(Command, frozen=True, tag="auth.place_ban"):
    """A user, an address (one of them at most) may not log in: to one room, or without `room` to any. With a room alone nobody may.

    `until_s`: unix seconds; or `for_s`: seconds from now; with neither until it is lifted. Who is inside is put out. Answered by
    `Ban`."""

    user_id: str = ""
    address: str = ""
    room: str = ""
    until_s: int = 0
    for_s: int = 0
    reason: str = ""
    by: str = "operator"


class LiftBan(Command, frozen=True, tag="auth.lift_ban"):
    """Ends a ban before its time; names its target as `PlaceBan` did. Answered by `Ban`."""

    user_id: str = ""
    address: str = ""
    room: str = ""
    by: str = "operator"


class ListBans(Command, frozen=True, tag="auth.list_bans"):
    """Asks for the bans in force. Answered by `Bans`."""
