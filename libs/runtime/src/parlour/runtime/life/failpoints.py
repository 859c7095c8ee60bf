"""Faults planted on purpose, to show that the checks catch them. Never in service: two variables must agree.

PARLOUR_FAILPOINT names one of `PLANTED`; it counts only where PARLOUR_FAILPOINTS_ALLOWED is 1.
"""

import os

REPLY_BEFORE_COMMIT = "reply_before_commit"
"""A message is acknowledged a second before it is written."""
LOST_REPUBLISH = "lost_republish"
"""Messages never reach NATS, and nobody notices that they did not."""
SKIPPING_REACTOR = "skipping_reactor"
"""A reactor moves on without having done what it is there for."""
REPEATING_RESUME = "repeating_resume"
"""A client that comes back gets events once more that it had."""
FORGOTTEN_COMMAND = "forgotten_command"
"""A command that comes a second time is done a second time."""
IGNORED_CLAIMS = "ignored_claims"
"""What should be unique in an app may be taken by two."""
PLAIN_TEXT = "plain_text"
"""Personal text is stored as it is."""
UNCHECKED_POSITION = "unchecked_position"
"""A client's position is continued whatever history it comes from."""
LATE_SEAT = "late_seat"
"""The answer to a login is given a moment before the client gets the room's events."""
LEAKY_GATEWAY = "leaky_gateway"
"""Some events are not handed to the clients, and nothing is said of it."""
LEAKED_COMMAND = "leaked_command"
"""Everybody in the room gets what was addressed to some."""
ANY_ROOM = "any_room"
"""A token of one room reads them all."""
DEAF_TO_REVOCATION = "deaf_to_revocation"
"""A token that was good once stays good."""
DROPPED_DELIVERY = "dropped_delivery"
"""What an endpoint of webhooks did not take counts as delivered."""
IGNORED_CONDITION = "ignored_condition"
"""A command that should be done only if the room still stands where it did is done anyway."""
KEPT_KEY = "kept_key"
"""Who is erased keeps the key that opens what they said."""
WIDE_SUBJECTS = "wide_subjects"
"""Who comes to NATS with a token of one room may listen to all of them."""
PLANTED = frozenset(
    {
        REPLY_BEFORE_COMMIT, LOST_REPUBLISH, SKIPPING_REACTOR, REPEATING_RESUME, FORGOTTEN_COMMAND, IGNORED_CLAIMS,
        PLAIN_TEXT, UNCHECKED_POSITION, LATE_SEAT, LEAKY_GATEWAY, LEAKED_COMMAND,
        ANY_ROOM, DEAF_TO_REVOCATION, DROPPED_DELIVERY, IGNORED_CONDITION,
        KEPT_KEY, WIDE_SUBJECTS,
    }
)  # fmt: skip
"""Each breaks one promise of GUARANTEES.md, whose test must then fail."""
VARIABLES = ("PARLOUR_FAILPOINT", "PARLOUR_FAILPOINTS_ALLOWED")


def planted(name: str) -> bool:
    """Whether this process shall do it wrong."""
    chosen, allowed = (os.environ.get(variable, "") for variable in VARIABLES)
    return allowed == "1" and chosen == name and name in PLANTED
