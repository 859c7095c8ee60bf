"""Gives each of the service's deadlines to what set it."""

import msgspec

from parlour.kernel.log import DueDeadline

from .empty_room_closer import EmptyRoomCloser
from .room_units import EMPTY, RoomDeadline
from .session_expiry import SessionExpiry


class DeadlineDispatcher:
    """Handles every deadline of the room service."""

    def __init__(self, expiry: SessionExpiry, closer: EmptyRoomCloser) -> None:
        self._expiry = expiry
        self._closer = closer

    async def dispatch(self, deadline: DueDeadline) -> None:
        """Handles one deadline that is due; its handler clears or moves it."""
        due = msgspec.json.decode(deadline.body, type=RoomDeadline)
        handler = self._closer if due.what == EMPTY else self._expiry
        await handler.handle_deadline(deadline, due)
