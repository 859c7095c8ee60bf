"""Failures that whoever runs the command can mend; the text of each says what to do. Light to import, since `--help` does."""

NATS_VARIABLE = "PARLOUR_NATS_URL"


class CommandFailed(Exception):
    """`main` prints the text and ends the command with exit code 1."""


class NotRunning(CommandFailed):
    """No suite answers at the address that a verb asks."""


class Unsigned(CommandFailed):
    """No checkpoint had the head of a call in time."""


class BadVariable(CommandFailed):
    """A variable of the environment has a value that no verb can use."""


class PortTaken(CommandFailed):
    """Somebody else listens on the port that was asked for."""


class FolderLocked(CommandFailed):
    """Another supervisor has the state folder."""


class Unusable(CommandFailed):
    """The state folder, or a setting of the suite, can't be used."""


class StartFailed(CommandFailed):
    """The suite did not come up."""


class StateTooOld(CommandFailed):
    """The state folder holds a cluster of another Postgres."""
