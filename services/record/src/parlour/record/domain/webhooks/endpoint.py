"""An endpoint and which events concern it.

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

FILTERS_MOST = 100
FILTER_CHARACTERS = 256
URL_CHARACTERS = 2048


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint as it is delivered to. `secrets` newest first."""

    id: UUID
    app: int
    url: str
    rooms: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    audit: bool = False
    format: str = FORMATS[0]
    secrets: tuple[SecretRef, ...] = ()

    def wants(self, record: Record) -> bool:
        """Rules 1 to 4."""
        return (
            record.log.app == self.app
            and (self.audit or _for_members(record))
            and (self.format != CALLBACKS or record.type in KINDS)
            and passes(self.rooms, record.log.room)
            and passes(self.types, record.type)
        )


def _for_members(record: Record) -> bool:
    """By what is hashed; what can't be read is gone past by its reader, which says so."""
    try:
        return audience_of_stored(record.type, decode_envelope(record.env).data) == Audience.MEMBERS
    except msgspec.DecodeError:
        return True


def passes(filters: Sequence[str], name: str) -> bool:
    """Rule 3."""
    return not filters or any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in filters)


def check_filters(field: str, filters: Sequence[str]) -> None:
    """`Invalid` where there are too many, or one is empty or too long."""
    limit = f"{FILTERS_MOST} of 1..{FILTER_CHARACTERS} characters"
    if len(filters) > FILTERS_MOST or any(not 0 < len(one) <= FILTER_CHARACTERS for one in filters):
        raise invalid(Code.PARAMETER, field, "the filters are too many, or one is empty or too long", limit=limit)
    if any("*" in one[:-1] for one in filters):
        raise invalid(Code.PARAMETER, field, "a star stands only at a filter's end", hint="such as room.*")


def check_types(filters: Sequence[str], format_: str) -> None:
    """`Invalid` where a filter lets no event type of this format pass: it would wait for ever for what never comes."""
    known = sorted(KINDS if format_ == CALLBACKS else {*BY_TAG, *UPCASTERS})
    for one in filters:
        if not any(passes((one,), tag) for tag in known):
            near = get_close_matches(one.removesuffix("*"), known, 1, 0.5)
            hint = f"such as {near[0]}" if near else "such as room.* or stream.added.v1"
            raise invalid(
                Code.PARAMETER,
                "types",
                f"there is no event type {one[:FILTER_CHARACTERS]!r}",
                limit=", ".join(known),
                hint=hint,
            )


def check_format(format_: str) -> None:
    """`Invalid` for a format that we do not speak."""
    if format_ not in FORMATS:
        raise invalid(Code.PARAMETER, "format", "there is no such format", limit=", ".join(FORMATS))
