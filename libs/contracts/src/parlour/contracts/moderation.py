"""What commands that put people out are answered with: `KickUser`, `CloseRoom`, `PlaceBan`, `LiftBan`, `ListBans`."""

import msgspec

from .spelling import wire_name


class Kicked(msgspec.Struct, frozen=True):
    """The answer to `KickUser`: whether the user was in the room."""

    kicked: bool


class Closed(msgspec.Struct, frozen=True):
    """The answer to `CloseRoom`: whether the room was open."""

    closed: bool


class Ban(msgspec.Struct, frozen=True, omit_defaults=True, rename=wire_name):
    """One ban; `kind` is user, address or room, and `in_force` false once it was lifted. An IPv6 address is that of its /64 network."""

    kind: str
    user_id: str = ""
    address: str = ""
    room: str = msgspec.field(default="", name="roomID")
    until_s: int = 0
    reason: str = ""
    by: str = ""
    in_force: bool = True


class Bans(msgspec.Struct, frozen=True):
    """The answer to `ListBans`: the bans in force."""

    bans: tuple[Ban, ...] = ()
