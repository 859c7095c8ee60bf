"""Commands on erasure and holds, answered by the auth service."""

import msgspec

from .caller import Command


class EraseUser(Command, frozen=True, tag="auth.erase_user"):
    """Destroys a user's key, now or when no hold covers them any more."""

    user_id: str


class PlaceHold(Command, frozen=True, tag="auth.place_hold"):
    """Protects one user, or all who appear in a room, from erasure."""

    user_id: str = ""
    room: str = ""
    reason: str = ""


class ReleaseHold(Command, frozen=True, tag="auth.release_hold"):
    """Ends a hold; erasures that waited for it are done."""

    user_id: str = ""
    room: str = ""


class ListHolds(Command, frozen=True, tag="auth.list_holds"):
    """Asks for the holds in the app."""


class Erasure(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to `EraseUser`. outcome: erased, waiting (for a hold), unknown (no such user)."""

    outcome: str
    actor: str = ""


class Holds(msgspec.Struct, frozen=True):
    """The answer to `ListHolds`; `waiting` counts the erasures that wait for a hold."""

    users: tuple[str, ...]
    rooms: tuple[str, ...]
    waiting: int
