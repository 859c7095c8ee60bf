"""What the room service's application needs of the world."""

from typing import Protocol

from parlour.room.domain.presence import SessionKey


class SessionIndex(Protocol):
    """The sessions in all rooms, over the whole log."""

    async def all(self) -> dict[SessionKey, bool]:
        """Each session in a room, and whether it is suspended."""
        ...
