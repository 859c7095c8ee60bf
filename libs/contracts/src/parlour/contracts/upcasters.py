"""From a stored event type that is written no more to the one that took its place.

A changed meaning gets a new tag (`room.user_joined.v2`); the old tag's bytes stay as they are for ever, and its upcaster turns their data
into the new tag's. Rules: 1. An upcaster is pure and total: what was stored is fact. 2. It leads to a tag that is current or has an
upcaster itself, never back. 3. The old tag's golden file stays, and is decoded by way of it.
"""

from collections.abc import Callable, Mapping

Upcaster = Callable[[bytes], bytes]

UPCASTERS: dict[str, tuple[str, Upcaster]] = {}
"""By old tag: the tag it becomes, and the way from the old data (JSON) to the new. Empty as long as no meaning has changed."""


def upcast(tag: str, data: bytes, among: Mapping[str, tuple[str, Upcaster]] = UPCASTERS) -> tuple[str, bytes]:
    """Returns the tag and data that today's readers understand; types without an upcaster are returned unchanged."""
    while tag in among:
        tag, turn = among[tag]
        data = turn(data)
    return tag, data
