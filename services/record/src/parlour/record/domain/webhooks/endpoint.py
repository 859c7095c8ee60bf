"""An endpoint and which events it gets.

Rules: 1. only events of its own app; 2. what members of a room may see, and the rest (private messages, what is for auditors) with `audit`
alone; 3. filters are names, or beginnings of names with `*` behind; no filter lets all pass; 4. the callbacks format knows some types only.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from uuid import UUID

import msgspec

from parlour.contracts.audiences import audience_of_stored
from parlour.contracts.codes import Code
from parlour.contracts.envelope import decode_envelope
from parlour.contracts.events import BY_TAG, Audience
from parlour.contracts.ids import invalid
from parlour.contracts.upcasters import UPCASTERS
from parlour.contracts.webhooks import CALLBACKS, FORMATS
from parlour.kernel.log import Record

from .callbacks import KINDS
from .signing import SecretRef

MOST_FILTERS = 100
LONGEST_FILTER = 256
LONGEST_URL = 2048


class Endpoint(msgspec.Struct, frozen=True):
    """What deliveries need to know of an endpoint; `secrets` newest first."""

    id: UUID
    app: int
    url: str
    rooms: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    audit: bool = False
    format: str = FORMATS[0]
    secrets: tuple[SecretRef, ...] = ()

    def wants(self, record: Record) -> bool:
        """Returns whether the endpoint gets the event (rules 1 to 4)."""
        return (
            record.log.app == self.app
            and (self.audit or _for_members(record))
            and (self.format != CALLBACKS or record.type in KINDS)
            and matches(self.rooms, record.log.room)
            and matches(self.types, record.type)
        )


def _for_members(record: Record) -> bool:
    """Returns whether members may see the event, by its hashed bytes; one that can't be decoded is left to the worker, which reports it."""
    try:
        return audience_of_stored(record.type, decode_envelope(record.env).data) == Audience.MEMBERS
    except msgspec.DecodeError:
        return True


def matches(filters: Sequence[str], name: str) -> bool:
    """Returns whether a name passes the filters (rule 3)."""
    return not filters or any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in filters)


def check_filters(field: str, filters: Sequence[str]) -> None:
    """Raises `Invalid` if there are too many filters, or one is empty, too long, or has a star inside."""
    limit = f"{MOST_FILTERS} of 1..{LONGEST_FILTER} characters"
    if len(filters) > MOST_FILTERS or any(not 0 < len(one) <= LONGEST_FILTER for one in filters):
        raise invalid(Code.PARAMETER, field, "the filters are too many, or one is empty or too long", limit=limit)
    if any("*" in one[:-1] for one in filters):
        raise invalid(Code.PARAMETER, field, "a star stands only at a filter's end", hint="such as room.*")


def check_types(filters: Sequence[str], format_: str) -> None:
    """Raises `Invalid` for a filter that no event type of this format passes."""
    known = sorted(KINDS if format_ == CALLBACKS else {*BY_TAG, *UPCASTERS})
    for one in filters:
        if not any(matches((one,), tag) for tag in known):
            near = get_close_matches(one.removesuffix("*"), known, 1, 0.5)
            hint = f"such as {near[0]}" if near else "such as room.* or stream.added.v1"
            message = f"there is no event type {one[:LONGEST_FILTER]!r}"
            raise invalid(Code.PARAMETER, "types", message, limit=", ".join(known), hint=hint)


def check_format(format_: str) -> None:
    """Raises `Invalid` for an unknown format."""
    if format_ not in FORMATS:
        raise invalid(Code.PARAMETER, "format", "there is no such format", limit=", ".join(FORMATS))
