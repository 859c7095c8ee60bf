"""Which services of an installation are up, by their answers to a ping. One that stops answering stays on the list, as down."""

import msgspec

EXPECTED = ("auth", "gateway", "im", "record", "registry", "relay", "room")
"""The services of every installation, which are on the list even if they never answered."""
REMEMBERED_S = 600.0
"""How long a replica that stopped answering counts as missing; after that the installation counts as scaled down on purpose."""


class ServiceStatus(msgspec.Struct, frozen=True):
    """A service: whether it answers, with how many replicas, and how many fewer that is than in the last ten minutes."""

    name: str
    healthy: bool
    replicas: int
    missing: int = 0


class ServiceTracker:
    """Remembers how many replicas of each service answered each ping. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._counts: dict[str, list[tuple[float, int]]] = {name: [] for name in EXPECTED}

    def judge(self, answered: set[tuple[str, str]], now: float) -> tuple[ServiceStatus, ...]:
        """Returns every service that is expected or ever answered, by name. `answered`: names and replica ids in the last answers."""
        for name in {name for name, _ in answered}:
            self._counts.setdefault(name, [])
        return tuple(self._judge(name, sum(one == name for one, _ in answered), now) for name in sorted(self._counts))

    def complete(self, answered: set[tuple[str, str]]) -> bool:
        """Tells whether every service answered with as many replicas as were counted lately, so that there is nothing to wait for."""
        counts = {name: sum(one == name for one, _ in answered) for name in self._counts}
        return all(counts[name] >= max((count for _, count in seen), default=1) for name, seen in self._counts.items())

    def _judge(self, name: str, count: int, now: float) -> ServiceStatus:
        recent = [(at, seen) for at, seen in self._counts[name] if now - at <= REMEMBERED_S and seen > count]
        most = max((seen for _, seen in recent), default=count)
        self._counts[name] = [*recent, (now, count)]
        return ServiceStatus(name, count > 0, count, most - count)
