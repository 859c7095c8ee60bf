"""Who asks, and what every command is."""

import msgspec


class Caller(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who asks, as the gateway authenticated it. `session_id` and `actor` are empty before the login."""

    user_id: str = ""
    session_id: str = ""
    actor: str = ""
    kind: str = "client"
    """client, service or operator."""


class Command(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="do"):
    """Base of all commands."""


class SessionCommand(Command, frozen=True):
    """Base of what is asked for one session."""

    session_id: str
