"""Failures of asking a suite that the user can mend, and the variable that names its NATS. Light to import, since `--help` does."""

NATS_VARIABLE = "PARLOUR_NATS_URL"


class NotRunning(Exception):
    """No suite answers at the address that a verb asks; the text says what to do."""


class Unsigned(Exception):
    """No checkpoint had the head of a call in time."""
