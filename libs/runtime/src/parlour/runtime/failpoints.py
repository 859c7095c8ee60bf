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
PLANTED = frozenset({REPLY_BEFORE_COMMIT, LOST_REPUBLISH, SKIPPING_REACTOR, REPEATING_RESUME})
VARIABLES = ("PARLOUR_FAILPOINT", "PARLOUR_FAILPOINTS_ALLOWED")


def planted(name: str) -> bool:
    """Whether this process shall do it wrong."""
    chosen, allowed = (os.environ.get(variable, "") for variable in VARIABLES)
    return allowed == "1" and chosen == name and name in PLANTED
