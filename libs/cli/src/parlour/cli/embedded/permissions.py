"""Who may say and hear what on NATS: one static user per service, each with only its subjects.

Everybody may answer whoever asked (`allow_responses`), ask with a reply to its own inbox, and be listed as a
micro-service. Clients of the suite never get one of these users.
"""

import msgspec

USERS = ("auth", "room", "registry", "relay", "im", "record", "gateway", "cli", "test")
EVERYTHING = "parlour.v1.>"
INBOX = "_INBOX.>"
DISCOVERY = "$SRV.>"


class Grant(msgspec.Struct, frozen=True):
    """Subjects that a user may publish to and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def grants() -> dict[str, Grant]:
    """Each user's subjects."""
    return {user: Grant((EVERYTHING, INBOX, DISCOVERY), (EVERYTHING, INBOX, DISCOVERY)) for user in USERS}
