"""One direction of an impaired line: which packets come through, when, and how often. No I/O and no clock of its own.

Every packet draws the same number of random values whatever becomes of it, so its fate depends on the seed and its number alone: the same
seed gives the same losses to the same packets, whatever the times at which they are sent.

handle_packet(packet, now) in, poll_packet(now) out until None; poll_timeout() says when to ask again.
"""

import heapq
import random
from collections import Counter

import msgspec

BACKLOG = 20_000
"""Packets under way at once; a line that holds more than seconds of video is broken, and drops like a full queue."""


class Impairment(msgspec.Struct, frozen=True, kw_only=True):
    """What a line does to packets. Shares are of 1; times in milliseconds."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Added or taken away at random, evenly, for each packet by itself: neighbours may overtake each other."""
    reorder: float = 0.0
    """The share that is sent on at once, past those that wait."""
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        """ValueError for what no line can do."""
        if not all(0 <= share <= 1 for share in (self.loss, self.reorder, self.duplicate)):
            raise ValueError("loss, reorder and duplicate are shares from 0 to 1")
        if not 0 <= self.jitter_ms <= self.delay_ms:
            raise ValueError("jitter_ms is at most delay_ms: nothing arrives before it was sent")


class Line:
    """One direction. `impairment` may be replaced at any time; what is under way stays as it was."""

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self.impairment = impairment
        self.counted: Counter[str] = Counter(sent=0, lost=0, reordered=0, duplicated=0, overflowed=0, delivered=0)
        self._random = random.Random(seed)
        self._due: list[tuple[float, int, bytes]] = []

    def handle_packet(self, packet: bytes, now: float) -> None:
        """A packet enters the line."""
        how, draw = self.impairment, self._random.random
        number = self.counted["sent"]
        self.counted["sent"] += 1
        lost, early, twice, spread = draw() < how.loss, draw() < how.reorder, draw() < how.duplicate, draw()
        if lost or len(self._due) >= BACKLOG:
            self.counted["lost" if lost else "overflowed"] += 1
            return
        self.counted["reordered"] += early
        due = now if early else now + (how.delay_ms + (2 * spread - 1) * how.jitter_ms) / 1000
        heapq.heappush(self._due, (due, 2 * number, packet))
        if twice:
            self.counted["duplicated"] += 1
            heapq.heappush(self._due, (due, 2 * number + 1, packet))

    def poll_timeout(self) -> float | None:
        """The moment at which the next packet leaves, None while the line is empty."""
        return self._due[0][0] if self._due else None

    def poll_packet(self, now: float) -> bytes | None:
        """The next packet that has arrived by `now`."""
        if not self._due or self._due[0][0] > now:
            return None
        self.counted["delivered"] += 1
        return heapq.heappop(self._due)[2]
