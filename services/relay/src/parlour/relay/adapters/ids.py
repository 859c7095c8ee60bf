"""New ids and credentials from the system's randomness."""

import itertools
import secrets
import string

_ICE_CHARS = string.ascii_letters + string.digits + "+/"


class RandomIds:
    """`number` counts; everything that a peer or caller sees is random."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """A core id that was never used in this process."""
        return next(self._numbers)

    def ssrc(self) -> int:
        """A random SSRC, never 0."""
        return secrets.randbelow(0xFFFFFFFF) + 1

    def transport_id(self) -> str:
        """Unguessable: it also stands in WHIP resource addresses."""
        return secrets.token_urlsafe(16)

    def description_id(self) -> int:
        """The session id of an SDP origin line: 62 bits (RFC 8829 §5.2.1)."""
        return secrets.randbits(62)

    def ufrag(self) -> str:
        """An ICE user fragment of eight characters; the core routes by it, so it must be unique on the node."""
        return _ice_string(8)

    def pwd(self) -> str:
        """An ICE password of 24 characters: 144 bits."""
        return _ice_string(24)


def _ice_string(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARS) for _ in range(length))
