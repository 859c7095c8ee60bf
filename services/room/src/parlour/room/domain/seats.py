"""Where in the app a user sits: one session at a time, in one room or, for multi-room, in several.

Invariants, cited by the tests:
1. All seats of a user belong to one session: a new one vacates those of any other.
2. A session without `multi_room` has one seat (1002001 for a second), with it at most `ROOMS_PER_SESSION` (1002037).
3. Taking a seat again changes nothing.
"""

from collections.abc import Iterable

import msgspec

from parlour.contracts.codes import Code
from parlour.contracts.ids import ROOMS_PER_SESSION
from parlour.kernel.rejection import Rejection


class Seat(msgspec.Struct, frozen=True):
    """A session's place in a room."""

    room: str
    session_id: str


def limit_of(multi_room: bool) -> int:
    """How many seats a session may have."""
    return ROOMS_PER_SESSION if multi_room else 1


def vacated_by(seat: Seat, held: Iterable[Seat], *, multi_room: bool) -> tuple[Seat, ...]:
    """The seats that others must leave before the user takes `seat`; a Rejection where the session has too many itself."""
    taken = tuple(held)
    own = sum(other.session_id == seat.session_id and other.room != seat.room for other in taken)
    if own >= limit_of(multi_room):
        code = Code.MULTI_ROOM_LIMIT if multi_room else Code.TOO_MANY_ROOMS
        hint = "log out of another room first"
        raise Rejection.of(
            code,
            f"this session is in {own} other rooms",
            field="roomID",
            limit=f"{limit_of(multi_room)} rooms",
            hint=hint,
        )
    return tuple(other for other in taken if other.session_id != seat.session_id)
