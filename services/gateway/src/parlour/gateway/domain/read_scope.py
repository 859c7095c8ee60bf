"""What a reader may see of a room's events, and which types of events it asked for.

Rules: 1. An auditor sees all events; others see what all members see. 2. A reader on behalf of a user sees what that user may, in the
user's call of the room and from its joining on, and the events that name it.
"""

import re

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.queries import RoomState
from parlour.contracts.upcasters import UPCASTERS
from parlour.kernel.rejection import Rejection

from .encoded_event import EncodedEvent

FILTER_TYPES_MAX = 50
"""Most types and families in one filter."""
_TYPES = tuple(sorted({*ev.BY_TAG, *UPCASTERS}))
_TAG = re.compile(r"[a-z_]+(\.[a-z_0-9]+){0,2}")


class ReadScope(msgspec.Struct, frozen=True):
    """The events that one reader gets; all others it gets as skips. Readers of equal scopes are sent the same bytes.

    With an `actor` only events of the call `room_uid` from `since` (a seq) on are seen; without, what all members see. `types` are event
    types and families (`room.user_joined.v1`, `room`); empty: all.
    """

    audit: bool = False
    actor: str = ""
    room_uid: str = ""
    since: int = 0
    types: tuple[str, ...] = ()

    def includes(self, event: EncodedEvent) -> bool:
        """Tells whether the reader gets the event itself."""
        return self.may_read(event) and matches_types(self.types, event.view.type)

    def may_read(self, event: EncodedEvent) -> bool:
        """Tells whether the reader has a right to the event (rules 1 and 2)."""
        if self.audit:
            return True
        if self.actor and (event.view.room_uid != self.room_uid or event.seq < self.since):
            return False
        return event.readers is None or self.actor in event.readers


EVERYBODY = ReadScope()
"""What all members see, and readers on behalf of nobody."""


def scope_of_user(state: RoomState | None, user: str) -> ReadScope | None:
    """Returns the scope of a user who is in the room; None where they are not."""
    stays = [one for one in state.users if one.user_id == user] if state is not None else []
    if state is None or not stays:
        return None
    return ReadScope(actor=stays[0].actor, room_uid=state.room_uid, since=min(one.joined_seq for one in stays))


def check_types(types: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the filter if an event can match it. `Rejection` says how a filter is written, or which types there are."""
    if len(types) > FILTER_TYPES_MAX or not all(_TAG.fullmatch(one) for one in types):
        raise Rejection(
            Code.PARAMETER, "types are event types or their families", field="types",
            limit=f"{FILTER_TYPES_MAX}, as room.user_joined.v1, room.user_joined or room",
        )  # fmt: skip
    for one in types:
        if not any(matches_types((one,), tag) for tag in _TYPES):
            raise Rejection(
                Code.PARAMETER, f"there is no event type or family {one[:40]!r}", field="types", limit=", ".join(_TYPES),
                hint="such as room.user_joined.v1, room.user_joined or room",
            )  # fmt: skip
    return types


def matches_types(types: tuple[str, ...], tag: str) -> bool:
    """Tells whether a filter of tags (`room.user_joined.v1`) and families (`room`) matches this tag; an empty one matches all."""
    return not types or any(tag == one or tag.startswith(f"{one}.") for one in types)
