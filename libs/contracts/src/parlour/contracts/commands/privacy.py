"""Commands on erasure and holds, answered by the auth service."""

import msgspec

from .caller import Command


class EraseUser(Command, frozen=True, tag="auth.erase_user"):
    """Destroy a person's key, now or when no hold covers them any more."""

    user_id: str


class PlaceHold(Command, frozen=True, tag="auth.place_hold"):
    """Nobody whom it covers is erased: one user, or all who appear in a room."""

    user_id: str = ""
    room: str = ""
    reason: str = ""


class ReleaseHold(Command, frozen=True, tag="auth.release_hold"):
    """End a hold; erasures that waited behind it are done."""

    user_id: str = ""
    room: str = ""


class ListHolds(Command, frozen=True, tag="auth.list_holds"):
    """What is held in the app."""


class Erasure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of EraseUser. outcome: erased, waiting (behind a hold), unknown (no such person)."""

    outcome: str
    actor: str = ""


class Holds(msgspec.Struct, frozen=True):
    """Of ListHolds; `waiting` counts erasures behind them."""

    users: tuple[str, ...]
    rooms: tuple[str, ...]
    waiting: int
