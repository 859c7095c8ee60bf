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
    """The TURN servers that the operator configured, and the secret shared with them; without `urls` there is no TURN."""

    urls: tuple[str, ...] = ()
    secret: str = ""
    lifetime_s: int = 86_400

    def issue(self, session_id: str, now_s: float) -> tuple[IceServer, ...]:
        """Returns the servers with credentials for one session, valid for `lifetime_s` from `now_s` (unix seconds) on."""
        if not self.urls:
            return ()
        username = f"{int(now_s) + self.lifetime_s}:{session_id}"
        digest = hmac.digest(self.secret.encode(), username.encode(), "sha1")
        return (IceServer(self.urls, username, base64.b64encode(digest).decode()),)
