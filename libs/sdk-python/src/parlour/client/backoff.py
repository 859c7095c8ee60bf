"""How long to wait before the next attempt."""

import random
from collections.abc import Callable

FIRST_S = 0.3
MOST_S = 12.0


class Backoff:
    """Seconds: `first` doubling to `most`, each drawn from its upper half, so that the clients of a dead gateway do not return at once."""

    def __init__(
        self, first_s: float = FIRST_S, most_s: float = MOST_S, chance: Callable[[], float] = random.random
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance
        self._attempt = 0

    def next_s(self) -> float:
        """The next wait."""
        full = min(self._most_s, self._first_s * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 30)  # past this the bound has long been reached
        return full * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """It worked: begin anew."""
        self._attempt = 0
