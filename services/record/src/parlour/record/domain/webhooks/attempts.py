"""What an answer means and when to try again.

Rules: 1. any 2xx is delivered, nothing else is; 2. 410 disables the endpoint; 3. everything else is tried again after a pause that grows
from `first_s` fivefold up to `most_s`, drawn anew within a quarter around it so that not all rooms hit a receiver at once; 4. where the
answer names a time (Retry-After), the pause is at least that, but at most `most_s`; 5. an event tried for `give_up_s` is dead.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

import msgspec

GROWTH = 5.0
JITTER = 0.25
REFUSED = "HTTP "
"""How the error of an answer that is not 2xx begins; its status follows."""


class Verdict(Enum):
    """Of one attempt."""

    DELIVERED = "delivered"
    AGAIN = "again"
    GONE = "gone"


class Answer(msgspec.Struct, frozen=True):
    """What the endpoint said. `status` 0: nothing, and `error` says why. `retry_after_s` where it named a time."""

    status: int
    error: str = ""
    retry_after_s: float | None = None
    took_ms: int = 0


class Schedule(msgspec.Struct, frozen=True):
    """How patient we are; all in seconds."""

    first_s: float
    most_s: float
    give_up_s: float

    def pause_s(self, attempt: int, chance: float, answer: Answer) -> float:
        """After the attempt of this number (1, 2, …); `chance` is drawn from 0 … 1."""
        grown = min(self.most_s, self.first_s * GROWTH ** min(attempt - 1, 20))
        drawn = grown * (1 - JITTER + 2 * JITTER * chance)
        return max(drawn, self.asked_pause_s(answer))

    def asked_pause_s(self, answer: Answer) -> float:
        """The pause that the answer itself asks for (rule 4); 0 where it names no time."""
        return min(self.most_s, answer.retry_after_s or 0.0)

    def is_over(self, since_s: float, now_s: float) -> bool:
        """Rule 5, for an event whose first attempt failed at `since_s`."""
        return now_s - since_s >= self.give_up_s


def verdict(answer: Answer) -> Verdict:
    """Rules 1 and 2."""
    if 200 <= answer.status < 300:
        return Verdict.DELIVERED
    return Verdict.GONE if answer.status == 410 else Verdict.AGAIN


def retry_after(text: str, now_s: float) -> float | None:
    """Seconds or an HTTP date; None where the header is not there or not readable."""
    try:
        if text.isascii() and text.isdigit():
            return float(text)
        date = parsedate_to_datetime(text)
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_s)
    except (ValueError, OverflowError):  # an offset beyond what a date can hold overflows
        return None
