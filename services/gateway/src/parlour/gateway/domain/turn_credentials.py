"""TURN servers for clients whose network lets no media through: credentials that run out by themselves.

The scheme is that of draft-uberti-behave-turn-rest, which coturn calls `use-auth-secret`: the user name is the time of expiry and a
label, the password their HMAC under a secret that the TURN server shares. Nothing is stored and nobody is named: the label is the
session's id.
"""

import base64
import hmac

import msgspec

from parlour.contracts.client import IceServer


class TurnServers(msgspec.Struct, frozen=True):
    """What an operator has configured; without URLs there is no TURN."""

    urls: tuple[str, ...] = ()
    secret: str = ""
    lifetime_s: int = 86_400

    def servers(self, session_id: str, at: float) -> tuple[IceServer, ...]:
        """What a session is handed at unix time `at`."""
        if not self.urls:
            return ()
        username = f"{int(at) + self.lifetime_s}:{session_id}"
        digest = hmac.digest(self.secret.encode(), username.encode(), "sha1")
        return (IceServer(self.urls, username, base64.b64encode(digest).decode()),)
