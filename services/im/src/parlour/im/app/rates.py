"""The port behind which messages are counted."""

from typing import Protocol

import msgspec

from parlour.im.domain.messages import Message


class Limits(msgspec.Struct, frozen=True):
    """Messages per second. The vendor's: 10 broadcasts in a room, 2 of one user, 20 barrages, 200 commands to one user, 10 to several."""

    broadcast_room: int = 10
    broadcast_user: int = 2
    barrage_room: int = 20
    command_one: int = 200
    command_many: int = 10


class Rates(Protocol):
    """How many messages a room and a person may send."""

    def admit(self, app: int, room: str, actor: str, message: Message) -> None:
        """Counts one message, or raises the Rejection that names the limit and counts nothing."""
        ...
