"""Subscription tokens: what a reader outside the suite may ask for, as `auth` told it."""

import msgspec

SCOPES: dict[str, str] = {
    "events": "read a room's events as its members do, and its state",
    "audit": "read also what only auditors see",
    "history": "ask for calls of the past",
    "webhooks": "manage webhook endpoints",
    "moderate": "list rooms and users, kick, close and ban",
    "erase": "erase a person, hold a room's record",
}
"""What a token may allow, and what each means."""
OF_ONE_USER = frozenset({"events", "audit"})
"""Scopes that a token which names a user may use; the others are about the whole app, whoever asks."""
ANY_ROOM = "*"
"""In the `room` claim: every room of the app. Otherwise the claim is the room's id, encoded as in URLs."""
NATS_PAYLOAD_MOST = 64 * 1024
"""Bytes of a question over NATS: the longest that means something has a few hundred."""
TTL_MAX_S = 31 * 86_400
"""A token that would be valid for longer is refused; a revocation is kept for as long."""


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """A verified token; `room` None: any room of the app, `user` None: nobody in particular."""

    app: int
    scopes: tuple[str, ...]
    expires_s: int
    jti: str
    room: str | None = None
    user: str | None = None
    issued_ms: int = 0

    def allows(self, scope: str) -> bool:
        """Returns whether the token has the scope."""
        return scope in self.scopes

    def covers(self, room: str) -> bool:
        """Returns whether the token is valid for the room."""
        return self.room is None or self.room == room
