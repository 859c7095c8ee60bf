"""What an endpoint's answer means and when an event is tried again.

Rules: 1. any 2xx is delivered, nothing else is; 2. 410 disables the endpoint; 3. everything else is tried again after a pause that grows
from `first_s` fivefold up to `most_s`, drawn anew within a quarter around it so that not all rooms hit a receiver at once; 4. if the
answer names a time (Retry-After), the pause is at least that, but at most `most_s`; 5. an event tried for `give_up_s` is a dead letter.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

import msgspec

GROWTH = 5.0
JITTER = 0.25
REFUSED = "HTTP "
"""Prefix of the error of an answer that is not 2xx; its status follows."""


class Verdict(Enum):
    """What one attempt means for its event."""

    DELIVERED = "delivered"
    AGAIN = "again"
    GONE = "gone"


class Answer(msgspec.Struct, frozen=True):
    """An endpoint's answer. `status` 0: there was none, and `error` says why. `retry_after_s` is set if it named a time."""

    status: int
    error: str = ""
    retry_after_s: float | None = None
    took_ms: int = 0


class Schedule(msgspec.Struct, frozen=True):
    """Pauses between retries and when they end, in seconds."""

    first_s: float
    most_s: float
    give_up_s: float

    def pause_s(self, attempt: int, chance: float, answer: Answer) -> float:
        """Returns the pause after the attempt of this number (1, 2, …); `chance` is drawn from 0 … 1."""
        grown = min(self.most_s, self.first_s * GROWTH ** min(attempt - 1, 20))
        drawn = grown * (1 - JITTER + 2 * JITTER * chance)
        return max(drawn, self.asked_pause_s(answer))

    def asked_pause_s(self, answer: Answer) -> float:
        """Returns the pause that the answer asks for (rule 4), or 0."""
        return min(self.most_s, answer.retry_after_s or 0.0)

    def is_over(self, since_s: float, now_s: float) -> bool:
        """Returns whether an event whose first attempt failed at `since_s` is given up (rule 5)."""
        return now_s - since_s >= self.give_up_s


def verdict(answer: Answer) -> Verdict:
    """Returns what an answer means (rules 1 and 2)."""
    if 200 <= answer.status < 300:
        return Verdict.DELIVERED
    return Verdict.GONE if answer.status == 410 else Verdict.AGAIN


def parse_retry_after(text: str, now_s: float) -> float | None:
    """Parses seconds or an HTTP date into seconds from `now_s`; None for a header that is missing or not readable."""
    try:
        if text.isascii() and text.isdigit():
            return float(text)
        date = parsedate_to_datetime(text)
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_s)
    except (ValueError, OverflowError):  # an offset beyond what a date can hold overflows
        return None
