"""The pause before the next attempt to connect or to send a request."""

import random

FIRST_PAUSE_S = 0.3
LONGEST_PAUSE_S = 12.0


class Backoff:
    """Pauses that double from `FIRST_PAUSE_S` to `LONGEST_PAUSE_S`, each drawn from its upper half, so that clients of a dead gateway do
    not return at once.
    """

    def __init__(self) -> None:
        self._attempt = 0

    def next_s(self) -> float:
        """Returns the next pause in seconds."""
        full = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 30)  # past this the bound has long been reached
        return full * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Starts again from the first pause, after a success."""
        self._attempt = 0
