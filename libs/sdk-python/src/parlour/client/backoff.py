"""The pause before the next attempt to connect or to send a request."""

import random
from collections.abc import Callable

FIRST_PAUSE_S = 0.3
LONGEST_PAUSE_S = 12.0


class Backoff:
    """Pauses that double from `first_s` to `most_s`, each drawn from its upper half, so that clients of a dead gateway do
    not return at once.
    """

    def __init__(
        self,
        first_s: float = FIRST_PAUSE_S,
        most_s: float = LONGEST_PAUSE_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance
        self._attempt = 0

    def next_s(self) -> float:
        """Returns the next pause in seconds."""
        full = min(self._most_s, self._first_s * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 30)  # past this the bound has long been reached
        return full * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """Starts again from the first pause, after a success."""
        self._attempt = 0
