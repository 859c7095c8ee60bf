"""The transports whose ICE and DTLS are not established yet: bounded for the node, shared among owners.

When one more would pass the limit, the oldest of the owner with the most ends. So one owner's offers that never connect cost that owner
its own, and nobody else's join is refused for them.
"""

from collections import Counter


class HalfOpenTransports:
    """The owner of each half-open transport, oldest first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._owners: dict[int, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, number: int, owner: str) -> int | None:
        """Adds a new transport; returns the number of the one that must end for it, if any must."""
        surplus = self._surplus(owner) if len(self._owners) >= self._limit else None
        if surplus is not None:
            self.discard(surplus)
        self._owners[number] = owner
        self._counts[owner] += 1
        return surplus

    def discard(self, number: int) -> None:
        """Forgets a transport that is connected or has ended."""
        owner = self._owners.pop(number, None)
        if owner is None:
            return
        self._counts[owner] -= 1
        if not self._counts[owner]:
            del self._counts[owner]

    def _surplus(self, newcomer: str) -> int | None:
        counts = self._counts.copy()
        counts[newcomer] += 1
        largest = max(counts.values())
        return next((number for number, owner in self._owners.items() if counts[owner] == largest), None)
