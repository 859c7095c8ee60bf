"""A WHIP or WHEP resource, which its signed address holds as a whole, so that any gateway can serve it.

The address alone allows nothing: a request must come with a token of the resource's user, whose name is not in the address.
"""

import msgspec

from . import session_secret

KIND = "resource"


class MediaResource(msgspec.Struct, frozen=True, array_like=True):
    """One stream of one session on a transport of its own. `head`: the answer's lines that a fragment repeats (see `ice_fragments`)."""

    resource_id: str
    session_id: str
    app: int
    room: str
    actor: str
    stream_id: str
    publishes: bool
    transport_id: str
    head: tuple[str, ...]


def encode_address(key: bytes, resource: MediaResource) -> str:
    """Writes the resource as one segment of a URL's path."""
    return session_secret.sign(key, KIND, resource)


def decode_address(key: bytes, text: str) -> MediaResource | None:
    """Returns the resource of an address; None where no gateway of this key wrote it."""
    found = session_secret.verify(key, text, MediaResource)
    return found[1] if found is not None and found[0] == KIND else None
