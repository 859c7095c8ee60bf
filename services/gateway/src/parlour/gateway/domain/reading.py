"""What one reader outside gets of a room's events: its sight, its filter, and the numbers of what it does not get.

Rules: 1. Every event after the reader's place comes to it, as itself or inside a `Skip`, in order. 2. An auditor sees all; others what
all members see. 3. A reader on behalf of a user sees what that user may, from its own joining on, and signals that name it.
"""

import re
from collections.abc import Iterable

import msgspec

from parlour.contracts import events as ev
from parlour.contracts.codes import Code
from parlour.contracts.envelope import EventView
from parlour.contracts.ids import Position
from parlour.contracts.queries import RoomState
from parlour.contracts.upcasters import UPCASTERS
from parlour.kernel.rejection import Rejection
from parlour.kernel.view import event_of

NOBODY_BEFORE = "0" * 16
"""hash8 before a life's first event."""
TYPES_MAX = 50
"""Parts of one filter."""
_TYPES = tuple(sorted({*ev.BY_TAG, *UPCASTERS}))
_TAG = re.compile(r"[a-z_]+(\.[a-z_0-9]+){0,2}")

_encode = msgspec.json.Encoder().encode


class Kept:
    """An event with its JSON, encoded once for all who read it; `frame` is its form on a WebSocket where somebody made it already."""

    __slots__ = ("_json", "frame", "view")

    def __init__(self, view: EventView, frame: bytes = b"") -> None:
        self.view = view
        self.frame = frame
        self._json = b""

    @property
    def json(self) -> bytes:
        """The view as readers get it."""
        self._json = self._json or _encode(self.view)
        return self._json

    @property
    def position(self) -> Position:
        """The place after it."""
        return Position(self.view.room_uid, self.view.seq, self.view.hash[:16])


class Skip(msgspec.Struct, frozen=True, rename={"first": "from"}):
    """Events of one life that are not for this reader; `pos` is the place after them."""

    first: int
    to: int
    pos: str


Item = Kept | Skip


class Sight(msgspec.Struct, frozen=True):
    """What a reader may see. `actor` empty: on behalf of nobody; otherwise only `room_uid` from `since` on."""

    audit: bool = False
    actor: str = ""
    room_uid: str = ""
    since: int = 0

    def sees(self, view: EventView) -> bool:
        """Rules 2 and 3."""
        if self.audit:
            return True
        if self.actor and (view.room_uid != self.room_uid or view.seq < self.since):
            return False
        if view.audience == ev.Audience.MEMBERS:
            return True
        return view.audience == ev.Audience.NAMED and bool(self.actor) and self._named(view)

    def _named(self, view: EventView) -> bool:
        event = event_of(view)
        named = event.to if isinstance(event, ev.CommandSent) else ()
        return self.actor in (view.actor, *named)


def sight_of_member(state: RoomState | None, user: str) -> Sight | None:
    """The sight of a user who is in the room; None where they are not."""
    mine = [one for one in state.users if one.user_id == user] if state is not None else []
    if state is None or not mine:
        return None
    return Sight(actor=mine[0].actor, room_uid=state.room_uid, since=min(one.joined_seq for one in mine))


def check_types(types: tuple[str, ...]) -> tuple[str, ...]:
    """The filter, where it is one that can take an event. `Rejection` says how it is written, or which types there are."""
    if len(types) > TYPES_MAX or not all(_TAG.fullmatch(one) for one in types):
        raise Rejection.of(
            Code.PARAMETER, "types are event types or their families", field="types",
            limit=f"{TYPES_MAX}, as room.user_joined.v1, room.user_joined or room",
        )  # fmt: skip
    for one in types:
        if not any(wanted((one,), tag) for tag in _TYPES):
            raise Rejection.of(
                Code.PARAMETER, f"there is no event type or family {one[:40]!r}", field="types", limit=", ".join(_TYPES),
                hint="such as room.user_joined.v1, room.user_joined or room",
            )  # fmt: skip
    return types


def wanted(types: tuple[str, ...], tag: str) -> bool:
    """Whether a filter of tags (`room.user_joined.v1`) and families (`room`, `im.broadcast_sent`) takes this one; empty takes all."""
    return not types or any(tag == one or tag.startswith(f"{one}.") for one in types)


def sift(found: Iterable[Kept], sight: Sight, types: tuple[str, ...]) -> list[Item]:
    """Rule 1: neighbouring events that the reader does not get are one skip."""
    items: list[Item] = []
    for kept in found:
        if sight.sees(kept.view) and wanted(types, kept.view.type):
            items.append(kept)
            continue
        last = items[-1] if items else None
        merges = isinstance(last, Skip) and last.to + 1 == kept.view.seq
        first = last.first if merges and isinstance(last, Skip) else kept.view.seq
        if merges:
            items.pop()
        items.append(Skip(first, kept.view.seq, str(kept.position)))
    return items
