"""In which rooms of an app a user is: with one session at a time, in one room or, for multi-room, in several.

Invariants, cited by the tests:
1. All memberships of a user belong to one session: a new one ends those of any other.
2. A session without `multi_room` is in one room (1002001 for a second), with it in at most `ROOMS_PER_SESSION` (1002037).
3. Entering the same room again changes nothing.
"""

from collections.abc import Iterable

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.ids import ROOMS_PER_SESSION
from parlour.kernel.rejection import Rejection


class Membership(msgspec.Struct, frozen=True):
    """A session that is in a room."""

    room: str
    session_id: str


def room_limit(multi_room: bool) -> int:
    """In how many rooms a session may be."""
    return ROOMS_PER_SESSION if multi_room else 1


def memberships_to_end(
    membership: Membership, current: Iterable[Membership], *, multi_room: bool
) -> tuple[Membership, ...]:
    """The memberships of other sessions that must end before the user enters; `Rejection` where the session itself is in too many rooms."""
    memberships = tuple(current)
    own = sum(other.session_id == membership.session_id and other.room != membership.room for other in memberships)
    if own >= room_limit(multi_room):
        code = Code.MULTI_ROOM_LIMIT if multi_room else Code.TOO_MANY_ROOMS
        hint = "log out of another room first"
        raise Rejection(
            code,
            f"this session is in {own} other rooms",
            field="roomID",
            limit=f"{room_limit(multi_room)} rooms",
            hint=hint,
        )
    return tuple(other for other in memberships if other.session_id != membership.session_id)
