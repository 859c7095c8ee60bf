"""How often readers outside may ask over NATS, and how many of their questions are at work at once.

Rules:
1. A question about an app is answered to inboxes of that app's readers, or to one that is no reader's; never to a reader of another app.
2. A reader is known by its inbox. NATS does not check reply subjects, so a reader can name another inbox than its own: of its app's
   readers, which share the app's pace; or one that is no reader's, and all of those count as one reader.
3. A question of more than `NATS_PAYLOAD_MOST` bytes is refused with 9000002, and is not decoded.
4. Who asks too often, or has too many questions at work, is refused with 9000004 at once and before the record is looked at.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import TypeVar

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from parlour.contracts import subjects
from parlour.contracts.codes import Code
from parlour.contracts.subscriptions import NATS_PAYLOAD_MOST
from parlour.kernel.rejection import Rejection

K = TypeVar("K", bound=Hashable)
READERS_PER_APP = 4
"""How many readers' pace and places the readers of one app have together, so that one app leaves room for the others."""


class ReaderLimits:
    """A `Gate`: `per_s` questions a second of one reader, `at_once` of them at work, in this process."""

    def __init__(self, per_s: int, at_once: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._of_reader = RateLimitItemPerSecond(per_s, namespace="reader")
        self._of_app = RateLimitItemPerSecond(per_s * READERS_PER_APP, namespace="app")
        self._at_once = at_once
        self._at_work: Counter[tuple[int, str]] = Counter()
        self._of_apps_at_work: Counter[int] = Counter()

    def answers(self, app: int, reply: str) -> bool:
        """Applies rule 1. Without a reply subject nobody would get the answer."""
        reader = subjects.reader_of(reply)
        return subjects.is_inbox(reply) and (reader is None or reader[0] == app)

    def enter(self, app: int, reply: str, size: int) -> Callable[[], None]:
        """Counts a question of `size` bytes and returns the function that ends it; 9000002 by rule 3, 9000004 by rule 4."""
        reader = app, (subjects.reader_of(reply) or (app, ""))[1]
        if self._at_work[reader] >= self._at_once or self._of_apps_at_work[app] >= self._at_once * READERS_PER_APP:
            raise _too_many("questions at once", f"{self._at_once} of one reader")
        if not self._limiter.hit(self._of_reader, str(app), reader[1]) or not self._limiter.hit(self._of_app, str(app)):
            raise _too_many("questions", f"{self._of_reader.amount} a second of one reader")
        if size > NATS_PAYLOAD_MOST:
            raise Rejection(Code.FRAME_TOO_LARGE, "the question is too large", limit=f"{NATS_PAYLOAD_MOST} bytes")
        self._at_work[reader] += 1
        self._of_apps_at_work[app] += 1

        def leave() -> None:
            _count_down(self._at_work, reader)
            _count_down(self._of_apps_at_work, app)

        return leave


def _count_down(counts: Counter[K], key: K) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _too_many(what: str, limit: str) -> Rejection:
    return Rejection(Code.RATE_LIMITED, f"too many {what}", limit=limit, hint="wait and try again")
