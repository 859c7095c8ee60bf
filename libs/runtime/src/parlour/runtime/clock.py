"""The system's clock and source of ids, which tests replace, and the command ids of reactions and deadlines."""

import time
from uuid import NAMESPACE_URL, uuid5

from uuid_utils import uuid7 as new_uuid7


class SystemClock:
    """Reads the time of day."""

    def at(self) -> int:
        """Returns Unix microseconds, UTC."""
        return time.time_ns() // 1000


class SystemIds:
    """Makes ids that sort by the time at which they were made."""

    def uuid7(self) -> str:
        """Returns a new time-ordered UUID (RFC 9562, version 7)."""
        return str(new_uuid7())


_REACTIONS = uuid5(NAMESPACE_URL, "urn:parlour:reaction")


def reaction_id(room_uid: str, seq: int, reactor: str) -> str:
    """Returns the command id of a reactor's command about one event: the same however often it handles the event."""
    return str(uuid5(_REACTIONS, f"{room_uid}:{seq}:{reactor}"))


def due_id(service: str, key: str, due_at: int) -> str:
    """Returns the command id of the command that a deadline triggers: one for each time that the deadline was set."""
    return str(uuid5(_REACTIONS, f"deadline:{service}:{key}:{due_at}"))
