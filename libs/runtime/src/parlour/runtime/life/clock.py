"""The real clock and the real source of ids, behind the kernel's ports."""

import time
from uuid import NAMESPACE_URL, UUID, uuid5

from uuid_utils import uuid7 as new_uuid7


class SystemClock:
    """Unix microseconds, UTC."""

    def at(self) -> int:
        """Now."""
        return time.time_ns() // 1000


class SystemIds:
    """Time-ordered UUIDs."""

    def uuid7(self) -> str:
        """A new one."""
        return str(new_uuid7())


_REACTIONS = uuid5(NAMESPACE_URL, "urn:parlour:reaction")


def reaction_id(room_uid: str, seq: int, reactor: str) -> str:
    """The command id of what a reactor does about an event: the same however often it sees the event."""
    return str(uuid5(_REACTIONS, f"{room_uid}:{seq}:{reactor}"))


def due_id(service: str, key: str, due_at: int) -> str:
    """The command id of what a deadline brings about: one for each time that it was set."""
    return str(uuid5(_REACTIONS, f"deadline:{service}:{key}:{due_at}"))


def uuid_of(text: str) -> UUID:
    """A command id as the log wants it; ValueError if it is none."""
    return UUID(text)
